"""Times other people's runtimes on the cases of Heed's benchmarks, and Heed in turns with them; prints JSON.

    python bench/peers.py [--json FILE] [--table] [--only REGEX] [--models FOLDER] [--seconds S] [--rounds N]

Cases: the networks of MODELS below, gemm_MxNxK (B constant), attention_HxTxD[_causal]; f32, batch 1 but for the GRU and the LSTM. A
case's keys:
    PEER            median ms on one thread, the best variant's        (heed, onnxruntime, torch)
    PEER_min        its minimum
    PEER_2t         the median on two threads; PEER_2t_min
    PEER_VARIANT    the median of each variant, where a peer has several ways; PEER_VARIANT_2t
    heed_unfused    median ms of one kernel an op; heed_unfused_2t
    PEER_create_ms, PEER_peak_mb, PEER_base_mb   (models, one thread, not Heed) creation of the session, or
                    of the module with its weights; VmHWM at the end, and before creation
Each measurement is a process of its own; rounds interleave them; inputs rotate; a result is checked
before it is timed. Needs what ./bench/run builds, numpy, onnx, onnxruntime, torch, torchvision, timm, transformers and safetensors.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEED_BENCH = str(pathlib.Path(os.environ.get("HEED_BUILD", ROOT / "build")) / "bin" / "heed_bench")
sys.path.insert(0, str(ROOT / "tests" / "golden"))
import formula  # noqa: E402

GEMMS = [(197, 768, 768), (197, 2304, 768), (197, 3072, 768), (197, 768, 3072)]
ATTENTIONS = [(12, 197, 64, False), (8, 1024, 64, False), (8, 4096, 64, True)]
ROTATED_INPUTS = 4


def gemm_name(m, n, k):
    return f"gemm_{m}x{n}x{k}"


def attention_name(heads, length, width, causal):
    return f"attention_{heads}x{length}x{width}" + ("_causal" if causal else "")


def plan():
    """[case, peer, variant, threads, arguments], the measurements of one round."""
    ours, others = [("heed", ""), ("heed", "unfused")], [("onnxruntime", ""), ("torch", "")]
    attention_peers = [("onnxruntime", "matmul"), ("onnxruntime", "mha"), ("onnxruntime", "attention"), ("torch", "")]
    cases = [(model, others, []) for model in MODELS]
    cases += [(gemm_name(*gemm), others, gemm) for gemm in GEMMS]
    cases += [(attention_name(*attention), attention_peers, attention) for attention in ATTENTIONS]
    return [[case, peer, variant, threads, arguments]
            for case, peers, arguments in cases for threads in (1, 2) for peer, variant in ours + peers]


# Inputs, and references in float64

def gemm_inputs(m, n, k):
    inputs = [formula.input_array(f"gemm.a{i}", (m, k)) for i in range(ROTATED_INPUTS)]
    return inputs, formula.parameter("gemm.weight", (n, k))


def attention_inputs(heads, length, width):
    return [[formula.input_array(f"attention.{x}{i}", (heads, length, width)) for x in "qkv"]
            for i in range(ROTATED_INPUTS)]


def attention_reference(q, k, v, causal):
    """The last head."""
    scores = q[-1].astype(np.float64) @ k[-1].astype(np.float64).T / np.sqrt(q.shape[-1])
    if causal:
        scores[np.triu_indices(len(scores), 1)] = -np.inf
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True) @ v[-1].astype(np.float64)


def check(found, expected, limit=1e-5):
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    if not error < limit:
        raise SystemExit(f"wrong result: relative error {error:.1e}")


def image_inputs(file, shape):
    """Input sets, and a function that checks the first one's logits against those of a golden file."""
    from safetensors.numpy import load_file
    expected = load_file(ROOT / "tests" / "golden" / f"{file}.safetensors")["logits"][:1]
    sets = [[formula.input_array(f"input{i or ''}", shape)] for i in range(ROTATED_INPUTS)]
    return sets, lambda found: check(found, expected.astype(np.float64))


def transformer_inputs():
    from safetensors.numpy import load_file
    expected = load_file(ROOT / "tests" / "golden" / "transformer.safetensors")["speed.decoder"]
    sets = [[formula.input_array(f"speed.{x}{i or ''}", (1, 128, 512)) for x in ("source", "target")]
            for i in range(ROTATED_INPUTS)]
    return sets, lambda found: check(found.reshape(-1)[::29], expected.astype(np.float64))


def make_timm(name):
    import timm
    return formula.fill_module(timm.create_model(name, pretrained=False).eval())


def make_clip(name):
    import torch
    import torchvision.models.video as video

    # In ONNX it is a sequence, whose shapes onnxruntime does not know; the models split one token off.
    def split(x, indices, dim):
        return x.narrow(dim, 0, *indices), x.narrow(dim, *indices, x.shape[dim] - indices[0])

    torch.tensor_split = split
    return formula.fill_module(getattr(video, name)().eval())


def make_detr():
    import detr
    import torch

    class Scores(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = detr.detector()

        def forward(self, image):
            outputs = self.net(pixel_values=image)
            return outputs.logits, outputs.pred_boxes

    return Scores().eval()


def make_transformer():
    import torch

    class Causal(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = formula.fill_module(torch.nn.Transformer(batch_first=True))
            self.register_buffer("mask", torch.ones(128, 128, dtype=torch.bool).triu(1))

        def forward(self, source, target):
            return self.net(source, target, tgt_mask=self.mask, tgt_is_causal=True)

    return Causal().eval()


def make_recurrent(kind):
    import torch

    class Outputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = getattr(torch.nn, kind.upper())(512, 512, batch_first=True)

        def forward(self, x):
            return self.layer(x)[0]

    model = Outputs().eval()
    formula.fill_module(model.layer)
    return model


def recurrent_inputs(kind):
    import torch
    sets = [[formula.input_array(f"{kind}{i}", (32, 256, 512))] for i in range(ROTATED_INPUTS)]
    first = torch.from_numpy(sets[0][0][:1]).double()
    with torch.no_grad():
        expected = make_recurrent(kind).double()(first).numpy()
    return sets, lambda found: check(found[:1], expected)


def network(make, file, shape):
    return make, lambda: image_inputs(file, shape)


IMAGE, CLIP = (1, 3, 224, 224), (1, 3, 16, 224, 224)
TIMM = {"vit_b_16": "vit_base_patch16_224", "vit_l_16": "vit_large_patch16_224",
        "swin_t": "swin_tiny_patch4_window7_224", "swin_b": "swin_base_patch4_window7_224",
        "mvitv2_tiny": "mvitv2_tiny", "resnet50": "resnet50"}

# name: what makes it, and its inputs
MODELS = {case: network(lambda name=name: make_timm(name), case, IMAGE) for case, name in TIMM.items()}
MODELS |= {case: network(lambda name=case: make_clip(name), case, CLIP) for case in ("mvit_v1_b", "mvit_v2_s")}
MODELS |= {f"detr_r50_{height}x{width}": network(make_detr, f"detr_{height}x{width}", (1, 3, height, width))
           for height, width in ((480, 640), (800, 1066))}
MODELS["transformer_base"] = (make_transformer, transformer_inputs)
MODELS |= {f"{kind}_32x256x512": (lambda kind=kind: make_recurrent(kind), lambda kind=kind: recurrent_inputs(kind))
           for kind in ("gru", "lstm")}


# Models as ONNX files

def write_model(name, path):
    import torch
    torch.backends.mha.set_fastpath_enabled(False)  # its fused operator has no ONNX form
    make, inputs = MODELS[name]
    first = inputs()[0][0]
    torch.onnx.export(make(), tuple(map(torch.from_numpy, first)), path, dynamo=False,
                      input_names=[f"x{i}" for i in range(len(first))],
                      opset_version=17)


def write_graph(path, nodes, inputs, output_shape, constants=(), opset=17):
    from onnx import TensorProto, helper, numpy_helper, save
    graph = helper.make_graph(
        [helper.make_node(*args, **keywords) for args, keywords in nodes], "case",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(value, name) for name, value in constants])
    save(helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]), path)


def write_gemm(path, m, n, k):
    _, weight = gemm_inputs(m, n, k)
    write_graph(path, [(("MatMul", ["x", "w"], ["y"]), {})], [("x", (m, k))], (m, n),
                [("w", np.ascontiguousarray(weight.T))])


def write_attention(path, variant, heads, length, width, causal):
    if variant == "matmul":  # [heads, length, width]
        shape = (heads, length, width)
        constants = [("scale", np.float32(1 / np.sqrt(width)))]
        scores = "e"
        nodes = [(("Transpose", ["k"], ["kt"]), {"perm": [0, 2, 1]}),
                 (("Mul", ["q", "scale"], ["qs"]), {}),
                 (("MatMul", ["qs", "kt"], ["e"]), {})]
        if causal:
            mask = np.triu(np.full((length, length), -np.inf, np.float32), 1)
            constants.append(("mask", mask))
            nodes.append((("Add", ["e", "mask"], ["em"]), {}))
            scores = "em"
        nodes += [(("Softmax", [scores], ["a"]), {"axis": -1}),
                  (("MatMul", ["a", "v"], ["y"]), {})]
        write_graph(path, nodes, [(x, shape) for x in "qkv"], shape, constants)
    elif variant == "mha":  # [1, length, heads * width]
        shape = (1, length, heads * width)
        nodes = [(("MultiHeadAttention", ["q", "k", "v"], ["y"]),
                  {"domain": "com.microsoft", "num_heads": heads, "unidirectional": int(causal)})]
        write_graph(path, nodes, [(x, shape) for x in "qkv"], shape)
    else:  # the standard operator, [1, heads, length, width]
        shape = (1, heads, length, width)
        nodes = [(("Attention", ["q", "k", "v"], ["y"]), {"is_causal": int(causal)})]
        write_graph(path, nodes, [(x, shape) for x in "qkv"], shape, opset=23)


def model_path(folder, case, variant):
    return str(pathlib.Path(folder) / f"{case}{variant and '_' + variant}.onnx")


def write_models(folder, rows):
    for case, peer, variant, _, arguments in rows:
        path = model_path(folder, case, variant)
        if peer != "onnxruntime" or os.path.exists(path):
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


def measure_onnxruntime(case, variant, threads, arguments, path, seconds):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    base = resident_peak_mb()
    begin = time.perf_counter()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    create = (time.perf_counter() - begin) * 1e3

    if case in MODELS:
        sets, check_first = MODELS[case][1]()
        feeds = [{f"x{i}": x for i, x in enumerate(inputs)} for inputs in sets]
        check_first(session.run(None, feeds[0])[0])
    elif case.startswith("gemm"):
        inputs, weight = gemm_inputs(*arguments)
        feeds = [{"x": a} for a in inputs]
        check(session.run(None, feeds[0])[0], inputs[0].astype(np.float64) @ weight.T)
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
        found = session.run(None, feeds[0])[0]
        last = found.reshape(length, heads, width)[:, -1] if variant == "mha" \
            else found.reshape(heads, length, width)[-1]
        check(last, expected)
    samples = run_samples(lambda i: session.run(None, feeds[i]), len(feeds), seconds)
    return {"samples": samples, "create_ms": create, "base_mb": base,
            "peak_mb": resident_peak_mb()}


def measure_torch(case, threads, arguments, seconds):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    create = 0.0

    if case in MODELS:
        make, make_inputs = MODELS[case]
        base = resident_peak_mb()
        begin = time.perf_counter()
        model = make()
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
        return measure_torch(case, threads, arguments, seconds)
    return measure_onnxruntime(case, variant, threads, arguments, path, seconds)


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
        if case in MODELS and threads == 1 and peer != "heed":
            for extra in ("create_ms", "peak_mb", "base_mb"):
                result[f"{peer}_{extra}"] = round(statistics.median(o[extra] for o in found), 1)
    return cases


def table(cases):
    """Milliseconds; how many times as long the fastest peer takes, below 1 where Heed loses."""
    peers = ("onnxruntime", "torch")
    lines = ["| case | threads | Heed | unfused | " + " | ".join(peers) + " | best peer / Heed |",
             "| --- | --: | --: | --: | --: | --: | --: |"]
    for case, result in cases.items():
        for threads, suffix in ((1, ""), (2, "_2t")):
            times = [result.get(name + suffix) for name in ("heed", "heed_unfused") + peers]
            others = [time for time in times[2:] if time]
            ratio = f"{min(others) / times[0]:.2f}" if others and times[0] else ""
            shown = [f"{time:.3g}" if time else "" for time in times]
            lines.append(" | ".join([f"| {case}", str(threads), *shown, ratio]) + " |")
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
