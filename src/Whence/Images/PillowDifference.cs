namespace Whence.Images;

/// <summary>
/// A kind of file for which the codec alone gives other pixels than Pillow: what is changed in the file before, and in the
/// picture after decoding. Headers are only looked at; whether they are sound is for the codec to say.
/// </summary>
internal abstract class PillowDifference
{
    /// <summary>The difference that concerns the file, or null, as for nearly all files.</summary>
    public static PillowDifference? Find(ReadOnlySpan<byte> file)
    {
        if (Gray16Png.Matches(file))
        {
            return new Gray16Png();
        }

        if (file.StartsWith("GIF8"u8))
        {
            return GifFirstFrame.Read(file);
        }

        return file.StartsWith("BM"u8) ? BmpColors.Read(file) : null;
    }

    /// <summary>The bytes to decode instead of the file's.</summary>
    public virtual ReadOnlySpan<byte> Rewrite(ReadOnlySpan<byte> file) => file;

    /// <summary>Changes the decoded picture; the fourth byte of each pixel is its alpha.</summary>
    public virtual void Correct(RgbImage image)
    {
    }
}
