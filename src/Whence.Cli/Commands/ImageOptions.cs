using System.CommandLine;
using Whence.Images;

namespace Whence.Cli.Commands;

/// <summary>Options of every command that reads images.</summary>
internal sealed class ImageOptions
{
    private readonly Option<long> _maxPixels = new("--max-pixels")
    {
        Description = "Refuse images with more pixels",
        HelpName = "N",
        DefaultValueFactory = _ => DecodeLimits.Default.MaxPixels,
    };

    private readonly Option<int> _maxDimension = new("--max-dimension")
    {
        Description = "Refuse images wider or higher than this",
        HelpName = "N",
        DefaultValueFactory = _ => DecodeLimits.Default.MaxDimension,
    };

    private readonly Option<long> _maxFileBytes = new("--max-file-bytes")
    {
        Description = "Refuse larger image files",
        HelpName = "N",
        DefaultValueFactory = _ => DecodeLimits.Default.MaxFileBytes,
    };

    public void AddTo(Command command)
    {
        command.Add(_maxPixels);
        command.Add(_maxDimension);
        command.Add(_maxFileBytes);
    }

    public DecodeLimits Limits(ParseResult parsed)
    {
        var limits = new DecodeLimits
        {
            MaxPixels = parsed.GetValue(_maxPixels),
            MaxDimension = parsed.GetValue(_maxDimension),
            MaxFileBytes = parsed.GetValue(_maxFileBytes),
        };
        return limits.MaxPixels > 0 && limits.MaxDimension > 0 && limits.MaxFileBytes > 0
            ? limits
            : throw new WhenceException("--max-pixels, --max-dimension and --max-file-bytes must be above 0.");
    }
}
