"""Times torch on a CUDA GPU on the cases of Heed's benchmarks, and Heed on the same GPU by Vulkan; prints a table.

    python bench/gpu_peers.py [--only REGEX] [--runs N]

ms on the device: Heed's are the sum of its kernels' own times, fused and with one kernel an op; torch's stand between two
events, eager (which waits for the CPU), and as a CUDA graph, which does not: in f32, and with matrix products and
convolutions in TF32 (10 bits of mantissa). The last column is torch's f32 graph over Heed's fused kernels. Medians; every
result is checked before it is timed, TF32's excepted. Needs what ./bench/run builds, numpy, torch with CUDA, timm,
transformers and safetensors.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess

import numpy as np
import torch
import torch.nn.functional as F

from peer_cases import (ATTENTIONS, GEMMS, MODELS, attention_inputs, attention_name, attention_reference, check,
                        gemm_inputs, gemm_name)

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEED_BENCH = str(pathlib.Path(os.environ.get("HEED_BUILD", ROOT / "build")) / "bin" / "heed_bench")
NETWORKS = ["vit_b_16", "swin_t", "mvitv2_tiny", "resnet50", "detr_r50_480x640", "transformer_base"]


def on_gpu(arrays):
    return [torch.from_numpy(np.ascontiguousarray(x)).cuda() for x in arrays]


def case_of(name, arguments):
    """A function of nothing, and one that checks what it gives."""
    if name in MODELS:
        make, inputs = MODELS[name]
        sets, check_first = inputs()
        model, first = make().cuda(), on_gpu(sets[0])

        def check_network(found):
            check_first((found[0] if isinstance(found, tuple) else found).cpu().numpy())
        return lambda: model(*first), check_network
    if name.startswith("gemm"):
        sets, weight = gemm_inputs(*arguments)
        a, w = on_gpu([sets[0], weight])
        return (lambda: F.linear(a, w),
                lambda found: check(found.cpu().numpy(), sets[0].astype(np.float64) @ weight.T))
    heads, length, width, causal = arguments
    arrays = attention_inputs(*arguments[:3])[0]
    q, k, v = (x[None] for x in on_gpu(arrays))
    return (lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
            lambda found: check(found[0, -1].cpu().numpy(), attention_reference(*arrays, causal)))


def milliseconds(call, runs):
    times = []
    for _ in range(2 * runs):  # the first half: an idle GPU's clock is low
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times[runs:])


def as_graph(call):
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def torch_times(name, arguments, runs):
    def precise(yes):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not yes
    precise(True)
    call, check_first = case_of(name, arguments)
    check_first(call())
    times = [milliseconds(call, runs), milliseconds(as_graph(call), runs)]
    precise(False)
    return times + [milliseconds(as_graph(call), runs)]


def heed_times(name):
    out = subprocess.run([HEED_BENCH, "--target", "vulkan", "--filter", f"^{name}$"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return [float(re.search(pattern, out, re.M)[1])
            for pattern in (r"^\| all +\| +\d+ \| +([\d.e-]+)", r"^unfused: ([\d.e-]+) ms")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--runs", type=int, default=30, help="of each measurement")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    cases = [(name, None) for name in NETWORKS] + [(gemm_name(*gemm), gemm) for gemm in GEMMS]
    cases += [(attention_name(*attention), attention) for attention in ATTENTIONS]
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print("| ms | Heed | unfused | torch, eager | f32 graph | TF32 graph | torch's f32 graph / Heed |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name, arguments in cases:
        if re.search(options.only, name):
            ours, theirs = heed_times(name), torch_times(name, arguments, options.runs)
            print(f"| {name} | " + " | ".join(f"{x:.3g}" for x in ours + theirs) + f" | {theirs[1] / ours[0]:.2f} |",
                  flush=True)


if __name__ == "__main__":
    main()
