using Whence.Datasets.Emoji;
using Whence.Files;

namespace Whence.Bench.BaseModel;

/// <summary>A data set that <c>whence dataset emoji</c> has made.</summary>
/// <param name="Tar">What is trained with.</param>
/// <param name="Sha256">Its checksum.</param>
/// <param name="Report">What the data set was made by, and what it left out.</param>
internal sealed record RenderedData(string Tar, string Sha256, EmojiReport Report)
{
    /// <summary>Name of the file that is trained with.</summary>
    public static readonly string TrainName = EmojiDataset.FileOf(EmojiSplit.Train);

    /// <summary>Opens a data set.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="packages">What its pictures are compared with is rendered from these.</param>
    /// <exception cref="WhenceException">It is none or unfinished, was made of other packages, or its file is not the one that its report tells of.</exception>
    public static RenderedData Open(string folder, PackageLock packages)
    {
        const string Anew = "make it anew with 'whence dataset emoji', or leave --data out";
        var path = Path.Combine(folder, EmojiDataset.ReportName);
        var report = RecipeJson.Load<EmojiReport>(path, EmojiReport.FormatName, EmojiReport.CurrentVersion, r => r.Recipe.Validate(packages));
        if (!report.Packages.Select(p => p.Integrity).SequenceEqual(packages.All().Select(p => p.Integrity)))
        {
            throw new WhenceException($"{path}: was made of other packages than the lock file has; {Anew}.");
        }

        var tar = Path.GetFullPath(Path.Combine(folder, TrainName));
        var sha256 = RegularFile.Guard(tar, () => Checksum.Of(tar));
        return report.Files.Any(f => f.File == TrainName && f.Sha256 == sha256)
            ? new RenderedData(tar, sha256, report)
            : throw new WhenceException($"{tar}: its SHA-256 is {sha256}, which is not what {EmojiDataset.ReportName} says; {Anew}.");
    }
}
