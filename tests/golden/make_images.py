#!/usr/bin/python3
"""Makes images/ and expected/: small files in the formats that the reference set lacks, and Pillow's RGB for each.

    /usr/bin/python3 tests/golden/make_images.py

Every picture is computed here, so they carry the project's own licence. `expected/NAME.png` is
`Image.open(NAME).convert("RGB")`; `expected/NAME.upright.png` is the same after `ImageOps.exif_transpose`.
What Pillow cannot write (4-bit and run-length BMP, interlaced and 16-bit PNG, YCCK, odd GIF canvases) is put together byte
by byte, and what Pillow *reads* from it is the expectation all the same.
"""

import io
import math
import pathlib
import struct
import zlib

from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
IMAGES = HERE / "images"
EXPECTED = HERE / "expected"
WIDTH, HEIGHT = 45, 31  # odd, so that block, row-padding and chroma edges all occur


def picture(width=WIDTH, height=HEIGHT):
    """A smooth gradient with rings and one hard edge: nothing lossless is trivial and nothing lossy is white noise."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            ring = math.sin(math.hypot(x - width * 0.4, y - height * 0.6) * 0.7)
            r = 255 * x / (width - 1)
            g = 127.5 + 127.5 * ring
            b = 255 * y / (height - 1) if x + y < 40 else 30
            image.putpixel((x, y), (round(r), round(g), round(b)))
    return image


def alpha_mask():
    """Alpha from fully transparent (left) to opaque, with every value in between."""
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.putdata([max(0, min(255, round(300 * x / WIDTH) - 30)) for _ in range(HEIGHT) for x in range(WIDTH)])
    return mask


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg_segments(data):
    """The marker segments between SOI and the first scan, and everything from the scan on."""
    position, segments = 2, []
    while data[position + 1] != 0xDA:
        length = 2 + struct.unpack(">H", data[position + 2:position + 4])[0]
        segments.append(data[position:position + length])
        position += length
    return segments, data[position:]


def with_adobe_marker(data, transform):
    """The JPEG with its Adobe segment replaced; transform None leaves it out."""
    segments, scan = jpeg_segments(data)
    segments = [s for s in segments if s[1] not in (0xE0, 0xEE)]
    if transform is not None:
        segments.insert(0, b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform]))
    return b"\xff\xd8" + b"".join(segments) + scan


def cmyk_picture():
    c, m, y = ImageOps.invert(picture()).split()
    return Image.merge("CMYK", (c, m, y, alpha_mask().point(lambda v: v // 2)))


def ycck_picture():
    """Channels so that the bytes in the file (Pillow writes CMYK inverted) are Y, Cb, Cr and K."""
    channels = list(picture().convert("YCbCr").split()) + [alpha_mask().point(lambda v: 255 - v // 2)]
    return Image.merge("CMYK", [ImageOps.invert(c) for c in channels])


def jpegs():
    rgb = picture()
    yield "progressive.jpg", saved(rgb, "JPEG", quality=90, progressive=True)
    yield "progressive_gray.jpg", saved(rgb.convert("L"), "JPEG", quality=80, progressive=True)
    yield "optimized_422.jpg", saved(rgb, "JPEG", quality=75, subsampling=1, optimize=True)
    yield "rgb_adobe.jpg", with_adobe_marker(saved(rgb, "JPEG", quality=90, subsampling=0), 0)
    cmyk = saved(cmyk_picture(), "JPEG", quality=90)
    yield "cmyk_adobe.jpg", with_adobe_marker(cmyk, 0)
    yield "cmyk_plain.jpg", with_adobe_marker(cmyk, None)
    yield "ycck.jpg", with_adobe_marker(saved(ycck_picture(), "JPEG", quality=90), 2)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"exif{orientation}.jpg", saved(picture(37, 23), "JPEG", quality=85, exif=exif)


def png(color_type, depth, rows, extra=(), interlaced=False, width=WIDTH, height=HEIGHT):
    """A PNG from packed rows without filtering; `extra` chunks go before the data."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(k, b) for k, b in chunks)


def packed(values, depth):
    """Samples of 1, 2 or 4 bits, most significant first."""
    bits = "".join(format(v, f"0{depth}b") for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def rows_of(image, depth=8):
    values = list(image.getdata())
    width = image.width
    return [packed(values[y * width:(y + 1) * width], depth) for y in range(image.height)]


def rgb_rows(image):
    data = image.tobytes()
    step = image.width * len(image.getbands())
    return [data[i:i + step] for i in range(0, len(data), step)]


def adam7_rows(image):
    """The rows of Adam7's seven passes, in file order."""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        for y in range(y0, image.height, dy):
            row = [image.getpixel((x, y)) for x in range(x0, image.width, dx)]
            if row:
                yield bytes(v for pixel in row for v in pixel)


def pngs():
    rgb, gray, mask = picture(), picture().convert("L"), alpha_mask()
    yield "la.png", saved(Image.merge("LA", (gray, mask)), "PNG")
    yield "rgba.png", saved(Image.merge("RGBA", (*rgb.split(), mask)), "PNG")
    yield "interlaced.png", png(2, 8, adam7_rows(rgb), interlaced=True)
    for depth in (1, 2, 4):
        levels = 2 ** depth
        few = gray.point(lambda v: v * levels // 256)
        yield f"gray{depth}.png", png(0, depth, rows_of(few, depth))
        palette = bytes(v for i in range(levels) for v in (255 - i * 9, (i * 77) % 256, i * 16))
        yield f"palette{depth}.png", png(3, depth, rows_of(few, depth), [(b"PLTE", palette), (b"tRNS", b"\0\x80")])
    yield "gray_key.png", png(0, 8, rows_of(gray), [(b"tRNS", struct.pack(">H", gray.getpixel((3, 3))))])
    yield "rgb_key.png", png(2, 8, rgb_rows(rgb), [(b"tRNS", struct.pack(">HHH", *rgb.getpixel((3, 3))))])
    # 16-bit gray: Pillow clips the samples at 255 when it makes RGB. One file inside that range, one across all of it.
    sixteen = [round(65535 * (x / (WIDTH - 1)) ** 3) for x in range(WIDTH)]
    yield "gray16.png", png(0, 16, [struct.pack(f">{WIDTH}H", *(v if y % 2 else v // 300 for v in sixteen)) for y in range(HEIGHT)])
    yield "gray16_dark.png", png(0, 16, [struct.pack(f">{WIDTH}H", *(x * 5 + y for x in range(WIDTH))) for y in range(HEIGHT)])
    yield "la16.png", png(4, 16, [struct.pack(f">{2 * WIDTH}H", *(s for v in sixteen for s in (v, 65535 - v))) for _ in range(HEIGHT)])
    yield "rgba16.png", png(6, 16, [struct.pack(f">{4 * WIDTH}H", *(s for v in sixteen for s in (v, 65535 - v, v ^ 0x5A5A, v))) for _ in range(HEIGHT)])
    yield "gamma.png", png(2, 8, rgb_rows(rgb), [(b"gAMA", struct.pack(">I", 100000))])


    yield "animated.png", saved(rgb, "PNG", save_all=True, append_images=[ImageOps.invert(rgb)])


def webps():
    rgb = picture()
    rgba = Image.merge("RGBA", (*rgb.split(), alpha_mask()))
    yield "lossy.webp", saved(rgb, "WEBP", quality=80)
    yield "lossless.webp", saved(rgb, "WEBP", lossless=True)
    yield "lossy_alpha.webp", saved(rgba, "WEBP", quality=80)
    yield "lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "animated.webp", saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[ImageOps.invert(rgb)])


def gif(image, screen=None, offset=(0, 0), **options):
    """A GIF, its only frame placed on a larger screen where `screen` says so."""
    data = bytearray(saved(image, "GIF", **options))
    if screen:
        struct.pack_into("<HH", data, 6, *screen)
        frame = data.index(b"\x2c" + struct.pack("<HHHH", 0, 0, *image.size))
        struct.pack_into("<HH", data, frame + 1, *offset)
    return bytes(data)


def without_palette(data):
    """The GIF with its global color table cut out."""
    return data[:10] + bytes([data[10] & 0x7F]) + data[11:13] + data[13 + (6 << (data[10] & 7)):]


def gifs():
    paletted = picture().quantize(32)
    keyed = paletted.getpixel((20, 15))
    yield "plain.gif", gif(paletted, interlace=0)
    yield "interlaced.gif", gif(paletted, interlace=1)
    yield "gray.gif", gif(picture().convert("L"))
    yield "no_palette.gif", without_palette(gif(picture().convert("L")))
    yield "transparent.gif", gif(paletted, transparency=keyed)
    yield "small_frame.gif", gif(paletted, (60, 40), (7, 5))
    yield "small_frame_transparent.gif", gif(paletted, (60, 40), (7, 5), transparency=keyed)
    yield "frame_beyond_screen.gif", gif(paletted, (30, 20), (4, 3))
    yield "animated.gif", gif(paletted, save_all=True, append_images=[ImageOps.invert(picture()).quantize(32)], transparency=keyed, disposal=2)


def bmp(bits, body, palette=b"", compression=0, masks=b"", height=HEIGHT):
    size = 14 + 40 + len(masks) + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(body), 2835, 2835, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", size + len(body), 0, 0, size) + header + masks + palette + body


def bmp_rows(rows, top_down=False):
    padded = [row + b"\0" * (-len(row) % 4) for row in rows]
    return b"".join(padded if top_down else reversed(padded))


def rle8(rows):
    """Runs of one pixel for the left of each row, one absolute run for the rest."""
    out = b""
    for row in reversed(rows):
        out += b"".join(bytes([1, value]) for value in row[:20])
        rest = row[20:]
        out += bytes([0, len(rest)]) + rest + b"\0" * (len(rest) % 2) + b"\0\0"
    return out + b"\0\1"


def rle8_delta():
    """Ten pixels, a jump by (4, 3), and runs to the top of the picture: what is jumped over has no color of its own."""
    return bytes([10, 5, 0, 2, 4, 3, WIDTH - 14, 9, 0, 0]) + bytes([WIDTH, 7, 0, 0]) * (HEIGHT - 4) + b"\0\1"


def rle4(rows, absolute):
    """Runs of two pixels, then an absolute run of so many pixels to the end of the row."""
    out = b""
    for row in reversed(rows):
        encoded, rest = row[:WIDTH - absolute], row[WIDTH - absolute:] + b"\0"
        for i in range(0, len(encoded), 2):
            pair = encoded[i:i + 2] + b"\0"
            out += bytes([min(2, len(encoded) - i), pair[0] << 4 | pair[1]])
        body = bytes(a << 4 | b for a, b in zip(rest[:absolute:2], rest[1:absolute + 1:2]))
        out += bytes([0, absolute]) + body + b"\0" * (len(body) % 2) + b"\0\0"
    return out + b"\0\1"


def bmps():
    rgb = picture()
    yield "bits24.bmp", saved(rgb, "BMP")
    yield "bits32.bmp", saved(Image.merge("RGBA", (*rgb.split(), alpha_mask())), "BMP")
    yield "bits32_zero_alpha.bmp", bmp(32, bmp_rows([b"".join(bytes([p[2], p[1], p[0], 0]) for p in [rgb.getpixel((x, y)) for x in range(WIDTH)]) for y in range(HEIGHT)]))
    yield "bits8_gray.bmp", saved(rgb.convert("L"), "BMP")
    yield "bits1_black_white.bmp", saved(rgb.convert("1"), "BMP")
    for bits in (1, 4, 8):
        few = rgb.quantize(2 ** min(bits, 6))
        colors = few.getpalette()[:3 * 2 ** min(bits, 6)]
        colors += [0] * (3 * 2 ** min(bits, 6) - len(colors))
        palette = b"".join(bytes([colors[i + 2], colors[i + 1], colors[i], 0]) for i in range(0, len(colors), 3))
        rows = rows_of(few, bits)
        yield f"bits{bits}.bmp", bmp(bits, bmp_rows(rows), palette)
        if bits == 8:
            yield "top_down.bmp", bmp(8, bmp_rows(rows, True), palette, height=-HEIGHT)
            yield "rle8.bmp", bmp(8, rle8(rows), palette, 1)
            yield "rle8_delta.bmp", bmp(8, rle8_delta(), palette, 1)
        if bits == 4:
            nibbles = [bytes(few.getpixel((x, y)) for x in range(WIDTH)) for y in range(HEIGHT)]
            yield "rle4.bmp", bmp(4, rle4(nibbles, 24), palette, 2)
            yield "rle4_odd.bmp", bmp(4, rle4(nibbles, 25), palette, 2)
    pixels = [[rgb.getpixel((x, y)) for x in range(WIDTH)] for y in range(HEIGHT)]
    rgb555 = [b"".join(struct.pack("<H", r >> 3 << 10 | g >> 3 << 5 | b >> 3) for r, g, b in row) for row in pixels]
    rgb565 = [b"".join(struct.pack("<H", r >> 3 << 11 | g >> 2 << 5 | b >> 3) for r, g, b in row) for row in pixels]
    yield "bits16_555.bmp", bmp(16, bmp_rows(rgb555))
    yield "bits16_565.bmp", bmp(16, bmp_rows(rgb565), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    core = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24)
    yield "os2.bmp", core + bmp_rows([row for row in rgb_rows(Image.merge("RGB", rgb.split()[::-1]))])


def main():
    for folder in (IMAGES, EXPECTED):
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    for source in (jpegs, pngs, webps, gifs, bmps):
        for name, data in source():
            (IMAGES / name).write_bytes(data)
            try:
                with Image.open(io.BytesIO(data)) as image:
                    image.convert("RGB").save(EXPECTED / f"{name}.png", optimize=True)
                    if name.startswith("exif"):
                        ImageOps.exif_transpose(image).convert("RGB").save(EXPECTED / f"{name}.upright.png", optimize=True)
            except Exception as error:  # Pillow refuses the file: no expectation, and the list below says so
                print(f"{name}: Pillow: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
