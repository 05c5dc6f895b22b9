"""Makes the files beside it with PyTorch 1.13, in the current folder. TorchFileTests knows their content.

Copy it to / and run it there as `python3 /make.py`: TorchScript stores the path of its source.
"""
import torch

t = torch.arange(12.0).reshape(3, 4)
torch.save(
    {
        "transposed": t.t(),
        "slice": t[1:, 1:3],
        "expanded": torch.ones(1).expand(5),
        "f16": t.half(),
        "bf16": t.bfloat16(),
        "f64": t.double(),
        "i64": t.long() - 6,
        "i32": t.int() - 6,
        "i16": t.short() - 6,
        "i8": t.to(torch.int8) - 6,
        "u8": t.to(torch.uint8),
        "bool": t > 3,
        "complex": torch.zeros(2, dtype=torch.complex64),
        "parameter": torch.nn.Parameter(t),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
        "size": t.shape,
        "dtype": torch.float32,
        "huge": 2**70,
        "negative": -5,
        "long": 2**40,
        "bytes": b"abc",
        "slice_object": slice(1, 2),
        "none": None,
        "number": 1.5,
        "true": True,
        "tuple": (1, "two"),
        "by_number": {0: "zero", 1: "one"},
        "by_tuple": {(0, 1): "zero"},
    },
    "everything.pth",
)
torch.save({"a": t, "l": [1, 2]}, "protocol4.pth", pickle_protocol=4)



class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
        self.register_buffer("count", torch.tensor(3))

    def forward(self, x):
        return x @ self.weight.t()


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Layer()
        self.bias = torch.nn.Parameter(torch.tensor([0.5, -0.5]))

    def forward(self, x):
        return self.inner(x) + self.bias


torch.jit.script(Net()).save("scripted.pt")
torch.save(Net(), "module.pth")
torch.save(Net().state_dict(), "legacy.pth", _use_new_zipfile_serialization=False)
