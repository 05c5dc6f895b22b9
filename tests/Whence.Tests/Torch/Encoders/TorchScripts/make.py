#!/usr/bin/python3
"""Makes the TorchScript archives beside it. Debian 12: apt install python3-torch (1.13); python3 make.py."""
import os
import zipfile

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


class Means(torch.nn.Module):
    """The mean of each channel, times two: [n, 3, h, w] -> [n, 3]."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x):
        return x.mean((2, 3)) * self.scale


class Tokens(torch.nn.Module):
    """A class token of ones, then the mean of each half of the rows: [n, 3, h, w] -> [n, 3, 3]."""

    def forward(self, x):
        top, bottom = x.chunk(2, dim=2)
        return torch.stack([torch.ones_like(x[:, :, 0, 0]), top.mean((2, 3)), bottom.mean((2, 3))], dim=1)


class Acts(torch.nn.Module):
    """Does something when it is loaded: it fails."""

    def __init__(self):
        super().__init__()
        self.training = False

    @torch.jit.export
    def __getstate__(self):
        return torch.zeros(1), self.training

    @torch.jit.export
    def __setstate__(self, state):
        # type: (Tuple[Tensor, bool]) -> None
        self.training = state[1]
        assert state[0].sum() > 1, "this code ran"

    def forward(self, x):
        return x.mean((2, 3))


class Pair(torch.nn.Module):
    """Two tensors instead of one."""

    def forward(self, x):
        return x.mean((2, 3)), x


def save(name, module):
    """Without the debug files, which hold where the source lay, and without the time."""
    path = os.path.join(HERE, name + ".pt")
    torch.jit.script(module.eval()).save(path)
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.namelist() if not entry.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            archive.writestr(zipfile.ZipInfo(entry), content)


for name, module in [("means", Means()), ("tokens", Tokens()), ("acts", Acts()), ("pair", Pair())]:
    save(name, module)
