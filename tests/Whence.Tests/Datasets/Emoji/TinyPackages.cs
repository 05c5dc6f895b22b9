using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;

namespace Whence.Tests.Datasets.Emoji;

/// <summary>A made-up set of packages: two designers and the objects that they drew, with a lock file and a recipe that fit.</summary>
internal sealed class TinyPackages
{
    public const string Square = """<path fill="#e02030" d="M4 4h24v24H4z"/>""";
    public const string Circle = """<circle cx="16" cy="16" r="12" fill="#2040c0"/>""";

    private readonly TempFolder _temp;
    private readonly JsonObject _lock;

    /// <param name="temp">Where to.</param>
    /// <param name="first">icons.json of the designer "first", who tells code points; null for one that has drawings of everything.</param>
    /// <param name="second">icons.json of the designer "second", who only names drawings.</param>
    /// <param name="chars">chars.json of the first designer.</param>
    public TinyPackages(TempFolder temp, string? first = null, string? second = null, string? chars = null)
    {
        _temp = temp;
        Directory.CreateDirectory(temp["packages"]);
        _lock = new JsonObject
        {
            ["format"] = "whence-packages",
            ["version"] = 1,
            ["names"] = Package("emoji-names", null, Archive([
                ("en/data.json", Data()),
                ("meta/groups.json", """{"groups":{"0":"smileys-emotion","2":"component","4":"food-drink","9":"flags"},"subgroups":{"1":"face-smiling","43":"food-fruit"}}"""),
                ("meta/unicode-names.json", """{"1F34B":"LEMON FRUIT"}"""),
                .. new[] { "cldr", "emojibase", "emojibase-legacy", "github", "iamcal", "joypixels" }.Select(s => ($"en/shortcodes/{s}.json", s == "joypixels" ? """{"1F34E":["apple_red","lemon"]}""" : "{}"))])),
            ["drawings"] = new JsonArray(
                Package("@set/first", "first", Archive(
                    ("icons.json", first ?? $$$"""{"icons":{"red-apple":{"body":{{{Text(Square)}}} },"lemon":{"body":{{{Text(Circle)}}} },"grinning-face":{"body":{{{Text("<path d='M2 20h28v3H2z' fill='currentColor'/>")}}} },"old":{"body":"","hidden":true}},"width":32,"height":32}"""),
                    ("chars.json", chars ?? """{"1f34e":"red-apple","1f34b":"lemon","1f600":"grinning-face","1f1e6":"red-apple"}"""))),
                Package("@set/second", "second", Archive(
                    ("icons.json", second ?? $$$"""{"icons":{"RedApple":{"body":{{{Text("<path fill='#30a030' d='M4 4h20v20H4z'/>")}}} },"sour":{"body":{{{Text("<ellipse cx='32' cy='32' rx='30' ry='14' fill='#e0d020'/>")}}} },"nothing-known":{"body":""} },"aliases":{"grinningface":{"parent":"RedApple","hFlip":true}},"width":64,"height":64}""")))),
        };
        _lock["drawings"]![1]!["objects"] = new JsonObject { ["sour"] = "1F34B" };
        Save();
    }

    public string Folder => _temp["packages"];

    public string LockPath => _temp["lock.json"];

    public string RecipePath => _temp["recipe.json"];

    public JsonObject Lock => _lock;

    public void Save(string? recipe = null)
    {
        File.WriteAllText(LockPath, _lock.ToJsonString());
        File.WriteAllText(RecipePath, recipe ?? """
            { "format": "whence-emoji", "version": 1, "size": 32, "seed": 3, "heldOutObjects": 0.3, "heldOutDesigners": ["second"],
              "trainedTreatments": ["inverted", "halftone"], "trainedPerDrawing": 1, "heldOutPerDrawing": 2,
              "sheet": { "designers": ["first", "second"], "objects": ["red apple", "lemon"] } }
            """);
    }

    public string PathOf(LockedPackage package) => Path.Combine(Folder, package.FileName);

    public Task<EmojiArtwork> LoadAsync() => EmojiArtwork.LoadAsync(PackageLock.Load(LockPath), PathOf);

    public static byte[] Archive(params (string Name, string Content)[] files) => Archive([.. files.Select(f => (f.Name, Encoding.UTF8.GetBytes(f.Content)))]);

    public static byte[] Archive(params (string Name, byte[] Content)[] files)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip, TarEntryFormat.Ustar))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "package/" + name) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch });
            }
        }

        return packed.ToArray();
    }

    /// <summary>An archive whose first file claims a size.</summary>
    public static byte[] Claiming(long size, (string Name, string Content) file)
    {
        var tar = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(Archive(file)), CompressionMode.Decompress))
        {
            gzip.CopyTo(tar);
        }

        var header = tar.GetBuffer().AsSpan(0, 512);
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0')).CopyTo(header[124..]);
        header.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in header)
        {
            sum += value;
        }

        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(tar.GetBuffer(), 0, (int)tar.Length);
        }

        return packed.ToArray();
    }

    public static string Integrity(byte[] archive) => "sha512-" + Convert.ToBase64String(SHA512.HashData(archive));

    private JsonObject Package(string name, string? style, byte[] archive)
    {
        var file = $"{name.TrimStart('@').Replace('/', '-')}-1.0.0.tgz";
        File.WriteAllBytes(Path.Combine(Folder, file), archive);
        var package = new JsonObject
        {
            ["name"] = name,
            ["version"] = "1.0.0",
            ["resolved"] = $"https://registry.npmjs.org/{name}/-/{name.Split('/')[^1]}-1.0.0.tgz",
            ["integrity"] = Integrity(archive),
            ["licence"] = "CC0-1.0",
            ["licenceUrl"] = "https://example.org/licence",
            ["creator"] = $"Maker of {name}",
            ["source"] = "https://example.org/art",
        };
        if (style is not null)
        {
            package["style"] = style;
        }

        return package;
    }

    private static string Data() => """
        [ { "label": "regional indicator A", "hexcode": "1F1E6" },
          { "label": "grinning face", "hexcode": "1F600", "group": 0, "subgroup": 1, "tags": ["smile"] },
          { "label": "light skin tone", "hexcode": "1F3FB", "group": 2, "subgroup": 32 },
          { "label": "red apple", "hexcode": "1F34E", "group": 4, "subgroup": 43, "tags": ["fruit", "red"] },
          { "label": "lemon", "hexcode": "1F34B-FE0F", "group": 4, "subgroup": 43 },
          { "label": "chequered flag", "hexcode": "1F3C1", "group": 9, "subgroup": 97 } ]
        """;

    public static string Text(string value) => JsonSerializer.Serialize(value);
}
