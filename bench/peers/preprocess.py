# apt: python3-pil python3-torchvision
# import: PIL torchvision
"""Pillow + torchvision: open, convert to RGB, Resize, CenterCrop, ToTensor, Normalize. Answers each line of its input with one line.

    make TAB folder TAB photo...   writes 1200 x 900 JPEG files of quality 90, answers with their paths
    load TAB path...               reads the files into memory
    crop                           decodes, resizes and crops each of them once, answers with the seconds it took
    tensor                         the same, then ToTensor and Normalize
"""

import io
import pathlib
import sys
import time

import torch
from PIL import Image
from torchvision import transforms


def make(folder, *photos):
    paths = []
    for photo in photos:
        path = pathlib.Path(folder, pathlib.Path(photo).stem + ".jpg")
        with Image.open(photo) as image:
            image.convert("RGB").resize((1200, 900), Image.LANCZOS).save(path, quality=90)
        paths.append(str(path))
    return "\t".join(paths)


def main():
    torch.set_num_threads(1)
    resize, crop = map(int, sys.argv[1:])
    to_crop = [transforms.Resize(resize), transforms.CenterCrop(crop)]
    to_tensor = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    goals = {"crop": transforms.Compose(to_crop), "tensor": transforms.Compose(to_crop + to_tensor)}
    files = []
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split("\t")
        answer = "ok"
        if command == "make":
            answer = make(*arguments)
        elif command == "load":
            files = [pathlib.Path(path).read_bytes() for path in arguments]
        else:
            transform = goals[command]
            start = time.perf_counter()
            for data in files:
                transform(Image.open(io.BytesIO(data)).convert("RGB"))
            answer = repr(time.perf_counter() - start)
        print(answer, flush=True)


main()
