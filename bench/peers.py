"""Times other people's runtimes on the cases of Heed's benchmarks, and Heed in turns with them; prints JSON.

    python bench/peers.py [--json FILE] [--table] [--only REGEX] [--models FOLDER] [--seconds S] [--rounds N]

Cases: the networks of MODELS in peer_cases.py, gemm_MxNxK (B constant), attention_HxTxD[_causal]; f32, batch 1 but
for the GRU and the LSTM. A case's keys:
    PEER            median ms on one thread, the best variant's        (heed, onnxruntime, openvino, torch)
    PEER_min        its minimum
    PEER_2t         the median on two threads; PEER_2t_min
    PEER_VARIANT    the median of each variant, where a peer has several ways; PEER_VARIANT_2t. torch_loop: the GRU written
                    op by op, in a loop over its steps
    heed_unfused    median ms of one kernel an op; heed_unfused_2t
    PEER_create_ms, PEER_peak_mb, PEER_base_mb   (models, one thread, not Heed) creation of the session, or
                    of the module with its weights; VmHWM at the end, and before creation
Each measurement is a process of its own; rounds interleave them; inputs rotate; a result is checked before it is timed, which
also refuses a peer that computes in bf16. OpenVINO reads ONNX Runtime's files. Needs what ./bench/run builds, numpy, onnx,
onnxruntime, openvino, torch, torchvision, timm, transformers and safetensors; a peer that is not there is left out.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from peer_cases import (ATTENTIONS, GEMMS, MODELS, ROTATED_INPUTS, attention_inputs, attention_name, attention_reference,
                        check, gemm_inputs, gemm_name, gru_loop, write_attention, write_gemm, write_model)

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEED_BENCH = str(pathlib.Path(os.environ.get("HEED_BUILD", ROOT / "build")) / "bin" / "heed_bench")


def plan():
    """[case, peer, variant, threads, arguments], the measurements of one round."""
    ours, others = [("heed", ""), ("heed", "unfused")], [("onnxruntime", ""), ("openvino", ""), ("torch", "")]
    attention_peers = [("onnxruntime", "matmul"), ("onnxruntime", "mha"), ("onnxruntime", "attention"),
                       ("openvino", "matmul"), ("openvino", "attention"), ("torch", "")]
    cases = [(model, others + ([("torch", "loop")] if model.startswith("gru") else []), []) for model in MODELS]
    cases += [(gemm_name(*gemm), others, gemm) for gemm in GEMMS]
    cases += [(attention_name(*attention), attention_peers, attention) for attention in ATTENTIONS]
    return [[case, peer, variant, threads, arguments]
            for case, peers, arguments in cases for threads in (1, 2) for peer, variant in ours + peers]


# Models as ONNX files

def model_path(folder, case, variant):
    return str(pathlib.Path(folder) / f"{case}{variant and '_' + variant}.onnx")


def write_models(folder, rows):
    for case, peer, variant, _, arguments in rows:
        path = model_path(folder, case, variant)
        if peer not in READ_ONNX or os.path.exists(path):
            continue
        if case in MODELS:
            # A process of its own: the exporter's memory is given back.
            subprocess.run([sys.executable, __file__, "--write-model", case, path], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        elif case.startswith("gemm"):
            write_gemm(path, *arguments)
        else:
            write_attention(path, variant, *arguments)


# One measurement, in a process of its own

def resident_peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def run_samples(call, count, seconds):
    """Milliseconds of call(i), i rotating over `count` inputs, after a warm-up round."""
    for i in range(min(count, 2)):
        call(i)
    samples, end = [], time.perf_counter() + seconds
    while len(samples) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        call(len(samples) % count)
        samples.append((time.perf_counter() - begin) * 1e3)
    return samples


# What opens an ONNX file: its path to what computes its first result from feeds by name.

def onnxruntime_opener(threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3

    def opened(path):
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda feed: session.run(None, feed)[0]
    return opened


def openvino_opener(threads):
    import openvino
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}

    def opened(path):
        request = core.compile_model(path, "CPU", settings).create_infer_request()
        return lambda feed: request.infer(feed, share_inputs=True, share_outputs=True)[0]
    return opened


READ_ONNX = {"onnxruntime": onnxruntime_opener, "openvino": openvino_opener}


def measure_onnx(case, peer, variant, threads, arguments, path, seconds):
    opened = READ_ONNX[peer](threads)
    base = resident_peak_mb()
    begin = time.perf_counter()
    run = opened(path)
    create = (time.perf_counter() - begin) * 1e3

    if case in MODELS:
        sets, check_first = MODELS[case][1]()
        feeds = [{f"x{i}": x for i, x in enumerate(inputs)} for inputs in sets]
        check_first(run(feeds[0]))
    elif case.startswith("gemm"):
        inputs, weight = gemm_inputs(*arguments)
        feeds = [{"x": a} for a in inputs]
        check(run(feeds[0]), inputs[0].astype(np.float64) @ weight.T)
    else:
        heads, length, width, causal = arguments
        inputs = attention_inputs(heads, length, width)
        expected = attention_reference(*inputs[0], causal)
        if variant == "mha":
            inputs = [[np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(1, length, -1)
                       for x in qkv] for qkv in inputs]
        elif variant == "attention":
            inputs = [[x[None] for x in qkv] for qkv in inputs]
        feeds = [dict(zip("qkv", qkv)) for qkv in inputs]
        found = run(feeds[0])
        last = found.reshape(length, heads, width)[:, -1] if variant == "mha" \
            else found.reshape(heads, length, width)[-1]
        check(last, expected)
    samples = run_samples(lambda i: run(feeds[i]), len(feeds), seconds)
    return {"samples": samples, "create_ms": create, "base_mb": base,
            "peak_mb": resident_peak_mb()}


def measure_torch(case, variant, threads, arguments, seconds):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    create = 0.0

    if case in MODELS:
        make, make_inputs = MODELS[case]
        base = resident_peak_mb()
        begin = time.perf_counter()
        model = gru_loop(make().layer) if variant == "loop" else make()
        create = (time.perf_counter() - begin) * 1e3
        sets, check_first = make_inputs()
        inputs = [[torch.from_numpy(x) for x in row] for row in sets]
        calls = [lambda i: model(*inputs[i])]
        result = calls[0](0)
        check_first((result[0] if isinstance(result, tuple) else result).numpy())
    elif case.startswith("gemm"):
        base = resident_peak_mb()
        inputs, weight = gemm_inputs(*arguments)
        a = [torch.from_numpy(x) for x in inputs]
        w = torch.from_numpy(weight)
        wt = w.T.contiguous()
        calls = [lambda i: F.linear(a[i], w), lambda i: torch.mm(a[i], wt)]
        for call in calls:
            check(call(0).numpy(), inputs[0].astype(np.float64) @ weight.T)
    else:
        base = resident_peak_mb()
        heads, length, width, causal = arguments
        inputs = attention_inputs(heads, length, width)
        qkv = [[torch.from_numpy(x)[None] for x in row] for row in inputs]
        calls = [lambda i: F.scaled_dot_product_attention(*qkv[i], is_causal=causal)]
        check(calls[0](0)[0, -1].numpy(), attention_reference(*inputs[0], causal))
    samples = min((run_samples(call, ROTATED_INPUTS, seconds) for call in calls),
                  key=statistics.median)
    return {"samples": samples, "create_ms": create, "base_mb": base,
            "peak_mb": resident_peak_mb()}


def measure(case, peer, variant, threads, arguments, path, seconds):
    if peer == "torch":
        return measure_torch(case, variant, threads, arguments, seconds)
    return measure_onnx(case, peer, variant, threads, arguments, path, seconds)


def measure_heed(case, variant, threads, folder, seconds):
    command = [HEED_BENCH, "--child", "samples", "--filter", case, "--threads", str(threads), "--seconds", str(seconds),
               "--cache", folder, "--fusion", "none" if variant == "unfused" else "all"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode or not done.stdout:
        print(f"{case}: heed {variant}: {done.stderr.strip() or 'no such case'}", file=sys.stderr)
        return None
    return {"samples": [float(line) for line in done.stdout.split()]}


def measure_apart(row, path, seconds):
    if row[1] == "heed":
        return measure_heed(row[0], row[2], row[3], os.path.dirname(path), seconds)
    request = json.dumps(dict(zip(("case", "peer", "variant", "threads", "arguments"), row),
                              path=path, seconds=seconds))
    environment = dict(os.environ, OMP_NUM_THREADS=str(row[3]))
    done = subprocess.run([sys.executable, __file__, "--measure", request], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        print(f"{row[0]}: {row[1]} {row[2]}: {reason[0]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


# Results

def summarise(pooled):
    """{(case, peer, variant, threads): [measurement, …]} to the JSON described above."""
    cases = {}
    for (case, peer, variant, threads), found in pooled.items():
        result = cases.setdefault(case, {})
        samples = [ms for one in found for ms in one["samples"]]
        median, least = statistics.median(samples), min(samples)
        key = peer if threads == 1 else f"{peer}_{threads}t"
        if variant != "unfused" and (key not in result or median < result[key]):
            result |= {key: round(median, 4), f"{key}_min": round(least, 4)}
        if variant:
            suffix = "" if threads == 1 else f"_{threads}t"
            result[f"{peer}_{variant}{suffix}"] = round(median, 4)
        if case in MODELS and threads == 1 and peer != "heed" and not variant:
            for extra in ("create_ms", "peak_mb", "base_mb"):
                result[f"{peer}_{extra}"] = round(statistics.median(o[extra] for o in found), 1)
    return cases


def table(cases):
    """Milliseconds; how many times as long the fastest peer takes, below 1 where Heed loses: by medians, and by the least
    times, of which a busy neighbour spoils fewer."""
    peers = ("onnxruntime", "openvino", "torch")
    lines = ["| ms | threads | Heed | unfused | " + " | ".join(peers) + " | best peer / Heed | least / least |",
             "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"]
    for case, result in cases.items():
        for threads, suffix in ((1, ""), (2, "_2t")):
            times = [result.get(name + suffix) for name in ("heed", "heed_unfused") + peers]
            shown = [f"{time:.3g}" if time else "" for time in times]
            ratios = []
            for kind in (suffix, suffix + "_min"):
                own, others = result.get("heed" + kind), [result[peer + kind] for peer in peers if peer + kind in result]
                ratios.append(f"{min(others) / own:.2f}" if others and own else "")
            lines.append(" | ".join([f"| {case}", str(threads), *shown, *ratios]) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the JSON there as well")
    parser.add_argument("--table", action="store_true", help="print a table instead")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--models", metavar="FOLDER", help="keep the ONNX files there, and use those that are there")
    parser.add_argument("--seconds", type=float, default=2, help="of one measurement (2)")
    parser.add_argument("--rounds", type=int, default=3, help="of all measurements (3)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--write-model", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(**json.loads(arguments.measure))))
        return
    if arguments.write_model:
        write_model(*arguments.write_model)
        return

    rows = [row for row in plan() if re.search(arguments.only, row[0])]
    pooled = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.models or folder
        os.makedirs(folder, exist_ok=True)
        write_models(folder, rows)
        for turn in range(arguments.rounds):
            for row in rows:
                print(f"round {turn + 1}: {' '.join(map(str, row[:4]))}", file=sys.stderr)
                path = model_path(folder, row[0], row[2])
                if found := measure_apart(row, path, arguments.seconds):
                    pooled.setdefault(tuple(row[:4]), []).append(found)
    cases = summarise(pooled)
    text = json.dumps(cases, indent=2)
    print(table(cases) if arguments.table else text)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
