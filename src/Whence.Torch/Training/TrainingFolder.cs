using Whence.Files;
using Whence.Reports;

namespace Whence.Torch.Training;

/// <summary>The folder of a training: its state while it lasts, the curve and what was trained at its end.</summary>
/// <param name="path">The folder.</param>
/// <param name="result">Name of what is trained in it, a folder that is whole where it is there.</param>
/// <param name="format">What the files of its state say they are.</param>
/// <param name="states">Names of the files of its state.</param>
internal sealed class TrainingFolder(string path, string result, string format, params string[] states)
{
    private const string LockName = "training.lock";

    /// <summary>Whether a training has begun here and not ended.</summary>
    public bool HasState => States.Any(File.Exists);

    private string Result => Path.Combine(path, result);

    private IEnumerable<string> States => states.Select(name => Path.Combine(path, name));

    /// <summary>Makes the folder where it is missing, keeps other processes from it, and refuses one whose training is done.</summary>
    /// <exception cref="WhenceException">Another process trains here, or the training is done.</exception>
    public IDisposable Acquire()
    {
        Directory.CreateDirectory(path);
        var exclusive = FolderLock.Acquire(path, LockName, "training");
        try
        {
            RefuseDone(); // no sooner: another process may just end
            return exclusive;
        }
        catch
        {
            exclusive.Dispose();
            throw;
        }
    }

    /// <summary>Writes the curve, its figure and what was trained, and deletes the state.</summary>
    /// <param name="title">Of the figure.</param>
    /// <param name="points">What was measured.</param>
    /// <param name="save">Writes what was trained into a folder that is not there yet.</param>
    public void Finish(string title, IReadOnlyList<LossPoint> points, Action<string> save)
    {
        LossCurve.Write(Path.Combine(path, "training.csv"), points);
        LossFigure.Draw(title, points).Save(path);

        // Renamed last: a folder of that name is whole.
        var temporary = Result + AtomicFile.TemporarySuffix;
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }

        save(temporary);
        Directory.Move(temporary, Result);
        DeleteState();
    }

    private void RefuseDone()
    {
        if (Directory.Exists(Result))
        {
            DeleteState(); // is there where the process ended just after it had renamed the result
            throw new WhenceException($"'{Result}' is there: this training is done; delete the folder or give another --out to train anew.");
        }
    }

    private void DeleteState()
    {
        foreach (var file in States.Where(file => StateFile.IsThere(file, format)))
        {
            File.Delete(file);
        }
    }
}
