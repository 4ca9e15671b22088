"""What peers.py measures: each case's inputs, its result in float64 to check against, and its peers' forms of it as torch
modules and ONNX files."""

import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "golden"))
import formula  # noqa: E402

GEMMS = [(197, 768, 768), (197, 2304, 768), (197, 3072, 768), (197, 768, 3072), (2048, 2048, 2048)]
ATTENTIONS = [(12, 197, 64, False), (8, 1024, 64, False), (8, 4096, 64, True)]
ROTATED_INPUTS = 4


def gemm_name(m, n, k):
    return f"gemm_{m}x{n}x{k}"


def attention_name(heads, length, width, causal):
    return f"attention_{heads}x{length}x{width}" + ("_causal" if causal else "")


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
    # A squeeze becomes a branch on the size, of which onnxruntime expects one shape.
    video.mvit._squeeze = lambda x, rank, axis, before: x.select(axis, 0) if before == rank - 1 else x
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


def gru_loop(layer):
    """What torch.nn.GRU says it computes, an op after the other in every step."""
    import torch
    import torch.nn.functional as F

    def forward(x):
        state, states = torch.zeros(x.shape[0], layer.hidden_size), []
        for step in range(x.shape[1]):
            of_input = F.linear(x[:, step], layer.weight_ih_l0, layer.bias_ih_l0).chunk(3, 1)
            of_state = F.linear(state, layer.weight_hh_l0, layer.bias_hh_l0).chunk(3, 1)
            reset, update = (torch.sigmoid(a + b) for a, b in zip(of_input[:2], of_state[:2]))
            new = torch.tanh(of_input[2] + reset * of_state[2])
            state = (1 - update) * new + update * state
            states.append(state)
        return torch.stack(states, 1)

    return forward


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
