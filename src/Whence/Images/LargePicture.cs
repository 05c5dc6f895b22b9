namespace Whence.Images;

/// <summary>
/// A place for a picture above 32 megapixels (128 MiB), of which there is one: a file of a few kilobytes may hold a picture of
/// 716 MB, and as many of these at once as there are threads would be too much. Smaller pictures do not wait.
/// </summary>
internal sealed class LargePicture : IDisposable
{
    private const long Pixels = 1 << 25;

    private static readonly Lock OneAtATime = new();

    private bool _taken;

    /// <summary>Waits for the place where the picture is large; call on the thread that disposes, before memory is allocated.</summary>
    public void Enter(int width, int height)
    {
        if ((long)width * height > Pixels && !_taken)
        {
            OneAtATime.Enter();
            _taken = true;
            GC.Collect(); // what the one before has left
        }
    }

    public void Dispose()
    {
        if (_taken)
        {
            OneAtATime.Exit();
            _taken = false;
        }
    }
}
