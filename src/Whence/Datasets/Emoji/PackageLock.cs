using System.Security.Cryptography;
using Whence.Files;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Emoji;

/// <summary>Which npm packages a data set is made of, and what their bytes are: the lock file (<c>docs/formats.md</c>).</summary>
public sealed record PackageLock
{
    /// <summary>The version that this build reads.</summary>
    public const int CurrentVersion = 1;

    private const string FormatName = "whence-packages";

    /// <summary>Always <c>whence-packages</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>The package that names and groups the objects: emojibase-data.</summary>
    public required LockedPackage Names { get; init; }

    /// <summary>The packages of drawings, one a designer, in the order of the data set.</summary>
    public required IReadOnlyList<LockedPackage> Drawings { get; init; }

    /// <summary>The lock file that this build came with, <c>recipes/emoji-packages.lock.json</c>.</summary>
    public static PackageLock Shipped { get; } =
        RecipeJson.Parse<PackageLock>(Resource("emoji-packages.lock.json"), "recipes/emoji-packages.lock.json", FormatName, CurrentVersion, packages => packages.Validate());

    /// <summary>Those of drawings whose licence holds for what is made of them, too.</summary>
    public IReadOnlyList<LockedPackage> ShareAlike => [.. Drawings.Where(p => p.Licence.Contains("-SA", StringComparison.Ordinal))];

    /// <summary>Those whose licence's text Whence does not hold: who passes on what is made of them has to add it to the notice.</summary>
    public IReadOnlyList<LockedPackage> WithoutText => [.. All().Where(p => EmojiNotice.LacksText(p.Licence))];

    /// <summary>All packages.</summary>
    public IEnumerable<LockedPackage> All() => Drawings.Prepend(Names);

    /// <summary>Reads a lock file.</summary>
    /// <exception cref="WhenceException">Missing, damaged, of another version, or with a value that cannot be; the message names it.</exception>
    public static PackageLock Load(string path) => RecipeJson.Load<PackageLock>(path, FormatName, CurrentVersion, packages => packages.Validate());

    internal static byte[] Resource(string name)
    {
        using var stream = typeof(PackageLock).Assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private void Validate()
    {
        foreach (var package in All())
        {
            package.Validate();
        }

        foreach (var package in Drawings)
        {
            Require(package.Style is { Length: > 0 }, $"package '{package.Name}' has no 'style'");
        }

        Require(Drawings.Count > 0, "'drawings' is empty");
        Require(Drawings.Select(p => p.Style!.Replace(' ', '-')).Distinct(StringComparer.OrdinalIgnoreCase).Count() == Drawings.Count, "two packages have the same 'style'");
        Require(All().Select(p => p.FileName).Distinct(StringComparer.Ordinal).Count() == Drawings.Count + 1, "a package stands there twice");
    }
}

/// <summary>One version of an npm package, with what its licence asks to be said.</summary>
public sealed record LockedPackage
{
    /// <summary>The registry that <see cref="Resolved"/> begins with, as in npm's own lock files.</summary>
    public const string Registry = "https://registry.npmjs.org/";

    /// <summary>Largest archive that is read, in bytes.</summary>
    public const int MaxBytes = PackageArchive.MaxBytes;

    private const string Algorithm = "sha512-";
    private const int MaxStyle = 32; // names of samples in a tar file begin with it

    /// <summary>Name, with its scope.</summary>
    public required string Name { get; init; }

    /// <summary>Version.</summary>
    public required string Version { get; init; }

    /// <summary>Address of the archive, beginning with <see cref="Registry"/>.</summary>
    public required string Resolved { get; init; }

    /// <summary>SHA-512 of the archive as npm writes it: <c>sha512-</c> and base 64.</summary>
    public required string Integrity { get; init; }

    /// <summary>SPDX identifier of the licence, for drawings that of the artwork.</summary>
    public required string Licence { get; init; }

    /// <summary>Where the licence can be read.</summary>
    public required string LicenceUrl { get; init; }

    /// <summary>Who is to be credited.</summary>
    public required string Creator { get; init; }

    /// <summary>Where the original is published.</summary>
    public required string Source { get; init; }

    /// <summary>The copyright line of the licence, where it has one: the MIT licence asks that it goes along.</summary>
    public string? Copyright { get; init; }

    /// <summary>What else is to be said with the drawings, in Markdown: why a licence holds, links that a creator asks for.</summary>
    public string? Remark { get; init; }

    /// <summary>What the designer's style is called in captions: "noto", up to 32 letters, digits, spaces and hyphens; null for names.</summary>
    public string? Style { get; init; }

    /// <summary>Objects of drawings whose names do not tell, by the drawing's name: an object's code points, or null for none.</summary>
    public IReadOnlyDictionary<string, string?>? Objects { get; init; }

    /// <summary>The archive's file, called as <c>npm pack</c> calls it.</summary>
    public string FileName => $"{Name.TrimStart('@').Replace('/', '-')}-{Version}.tgz";

    /// <summary>Address of the archive in a registry.</summary>
    /// <param name="registry">http or https address of the registry.</param>
    public string Address(string registry)
    {
        ArgumentException.ThrowIfNullOrEmpty(registry);
        return $"{registry.TrimEnd('/')}/{Resolved[Registry.Length..]}";
    }

    /// <summary>Reads the archive.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">Missing, too large, or another file than is locked.</exception>
    public async Task<byte[]> ReadAsync(string path, CancellationToken cancellation = default)
    {
        var bytes = await RegularFile.ReadAllAsync(path, PackageArchive.MaxBytes, null, cancellation).ConfigureAwait(false);
        var integrity = Algorithm + Convert.ToBase64String(SHA512.HashData(bytes));
        return integrity == Integrity
            ? bytes
            : throw new WhenceException($"{path}: is not {Name} {Version}: its checksum is {integrity}, the lock file says {Integrity}; fetch it anew.");
    }

    internal void Validate()
    {
        Require(Name.Length > 0 && Version.Length > 0, "a package has no name or version");
        Require(
            char.IsAsciiLetterOrDigit(FileName[0]) && FileName.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '+'), $"'{Name}' version '{Version}' is no name of a package");
        Require(
            Resolved.StartsWith(Registry, StringComparison.Ordinal) && Resolved.Length > Registry.Length, $"package '{Name}': 'resolved' is '{Resolved}', it must begin with {Registry}");
        Require(
            Integrity.StartsWith(Algorithm, StringComparison.Ordinal) && IsBase64(Integrity[Algorithm.Length..]), $"package '{Name}': 'integrity' must be {Algorithm} and 64 bytes in base 64");
        Require(
            Style is null or "" || (Style.Length <= MaxStyle && char.IsAsciiLetterOrDigit(Style[0]) && Style.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '-')),
            $"package '{Name}': 'style' must be up to {MaxStyle} letters, digits, spaces and hyphens, a letter or digit first");
        Require(
            !string.Concat([Resolved, Licence, LicenceUrl, Creator, Source, Copyright, Remark]).Any(char.IsControl), $"package '{Name}': a text holds a line break or another control character");
    }

    private static bool IsBase64(string text)
    {
        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        return Convert.TryFromBase64String(text, hash, out var length) && length == hash.Length;
    }
}
