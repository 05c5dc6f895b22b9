# apt: python3-pil python3-torchvision
# import: PIL torchvision
"""torchvision's transforms on Pillow's images: augmented views of decoded photographs. Answers each line of its input with the seconds it took.

    mild      flip and RandomResizedCrop of all photographs once
    strong    DINO's global views of all photographs once, the first and the second one in turns
"""

import random
import sys
import time

import torch
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms


def blur(chance):
    def apply(image):
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0))) if random.random() < chance else image
    return transforms.Lambda(apply)


def main():
    torch.set_num_threads(1)
    side, *paths = sys.argv[1], *sys.argv[2].split("\t")
    images = [Image.open(path).convert("RGB") for path in paths]
    flip = transforms.RandomHorizontalFlip()

    def crop(interpolation):
        return transforms.RandomResizedCrop(int(side), scale=(0.4, 1.0), interpolation=interpolation)

    modes = transforms.InterpolationMode
    colors = [transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8), transforms.RandomGrayscale(0.2)]
    solarize = transforms.RandomApply([transforms.Lambda(lambda image: ImageOps.solarize(image, 128))], 0.2)
    goals = {
        "mild": [transforms.Compose([crop(modes.BILINEAR), flip])],
        "strong": [
            transforms.Compose([crop(modes.BICUBIC), flip, *colors, blur(1.0)]),
            transforms.Compose([crop(modes.BICUBIC), flip, *colors, blur(0.1), solarize]),
        ],
    }
    for line in sys.stdin:
        views = goals[line.strip()]
        start = time.perf_counter()
        for i, image in enumerate(images):
            views[i % len(views)](image)
        print(repr(time.perf_counter() - start), flush=True)


main()
