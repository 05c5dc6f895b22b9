using Whence.Files;
using Whence.Vectors;

namespace Whence.Encoders;

/// <summary>What a model's file was checked against.</summary>
public enum ModelCheck
{
    /// <summary>It has the published checksum.</summary>
    Published,

    /// <summary>No checksum is published: only that the file opens is known. Its own was recorded, and is checked from now on.</summary>
    Unpublished,

    /// <summary>It has another checksum than the published one and was taken on request; its own was recorded, and is checked from now on.</summary>
    Other,
}

/// <summary>
/// Makes an encoder of the catalogue known by its name: the file of its model and its spec, in a folder of its own under <see cref="WhenceHome"/>.
/// One process at a time. The spec comes last, so that what is interrupted leaves either an encoder or none. Nothing of a file is executed.
/// </summary>
public sealed class EncoderInstallation : IDisposable
{
    private readonly CatalogueEntry _entry;
    private readonly IDisposable _lock;

    private readonly Func<EncoderSpec, IDisposable> _open;

    private EncoderInstallation(CatalogueEntry entry, string folder, IDisposable taken, Func<EncoderSpec, IDisposable> open) =>
        (_entry, Folder, _lock, _open) = (entry, folder, taken, open);

    /// <summary>The encoder's folder.</summary>
    public string Folder { get; }

    /// <summary>Where the file of the model lies in the end.</summary>
    public string ModelPath => Path.Combine(Folder, _entry.Model.File);

    /// <summary>Where the spec lies in the end.</summary>
    public string SpecPath => Path.Combine(Folder, _entry.Spec.Name + ".json");

    /// <summary>Whether spec and model are there; the checksum is left to those who load them.</summary>
    public bool IsComplete
    {
        get
        {
            try
            {
                return File.Exists(SpecPath) && RegularFile.Length(Path.Combine(Folder, EncoderSpec.Load(SpecPath).Model!.File)) > 0;
            }
            catch (WhenceException)
            {
                return false;
            }
        }
    }

    /// <summary>Reserves the encoder's folder, which is made if need be.</summary>
    /// <param name="entry">The encoder.</param>
    /// <param name="models">Folder of the models; null: <see cref="WhenceHome.Models"/>.</param>
    /// <param name="open">
    /// Opens an encoder, whose files are refused where it throws <see cref="WhenceException"/>; null where nobody runs networks from checkpoints:
    /// an ONNX model is then opened, and of a checkpoint its structure, whatever network its weights are of.
    /// </param>
    /// <exception cref="WhenceException">There is no such folder, it cannot be written, or another process has reserved it.</exception>
    public static EncoderInstallation Begin(CatalogueEntry entry, string? models = null, Func<EncoderSpec, IDisposable>? open = null)
    {
        ArgumentNullException.ThrowIfNull(entry);
        models ??= WhenceHome.Models ?? throw new WhenceException($"There is no folder to keep models in; set {WhenceHome.Variable} to a folder of your own.");
        var folder = Path.Combine(models, entry.Spec.Name);
        try
        {
            Directory.CreateDirectory(folder);
            return new EncoderInstallation(entry, folder, FolderLock.Acquire(folder, ".lock", "encoder"), open ?? OpenStructure);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{folder}' cannot be written: {e.Message} Allow writing, or set {WhenceHome.Variable} to a folder of your own.", e);
        }
    }

    /// <summary>Checks a file that lies in <see cref="Folder"/> and makes it the encoder's model.</summary>
    /// <param name="file">The file; it is renamed.</param>
    /// <param name="acceptOther">Whether a file with another checksum than the published one is taken, say the same weights in another format.</param>
    /// <exception cref="WhenceException">It has another checksum or cannot be opened, or the folder cannot be written.</exception>
    public ModelCheck Adopt(string file, bool acceptOther = false)
    {
        var (check, sha256) = Check(file, acceptOther);
        if (file != ModelPath)
        {
            Write(() => File.Move(file, ModelPath, overwrite: true));
        }

        WriteSpec(sha256);
        return check;
    }

    /// <summary>Checks a file that lies elsewhere and makes a copy of it, or a link to it, the encoder's model.</summary>
    /// <param name="file">The file, which stays as it is.</param>
    /// <param name="link">True for a symbolic link: it takes no space, and the encoder is gone when the file is.</param>
    /// <param name="acceptOther">As for <see cref="Adopt"/>.</param>
    /// <exception cref="WhenceException">It is missing, has another checksum or cannot be opened, or the folder cannot be written.</exception>
    public ModelCheck Take(string file, bool link = false, bool acceptOther = false)
    {
        file = Path.GetFullPath(file);
        if (file == ModelPath)
        {
            return Adopt(file, acceptOther);
        }

        var (check, sha256) = Check(file, acceptOther);
        if (link)
        {
            var temporary = ModelPath + AtomicFile.TemporarySuffix;
            Write(() =>
            {
                File.Delete(temporary);
                File.CreateSymbolicLink(temporary, file);
                File.Move(temporary, ModelPath, overwrite: true);
            });
        }
        else
        {
            using var source = RegularFile.Guard(file, () => File.OpenRead(file));
            if (AtomicFile.Write(ModelPath, source.CopyTo) != sha256)
            {
                throw new WhenceException($"{file}: was changed while it was copied; run the same command again.");
            }
        }

        WriteSpec(sha256);
        return check;
    }

    /// <summary>Lets others write the folder.</summary>
    public void Dispose() => _lock.Dispose();

    private (ModelCheck Check, string Sha256) Check(string file, bool acceptOther)
    {
        var sha256 = RegularFile.Guard(file, () => Checksum.Of(file));
        var check = _entry.Sha256 is null ? ModelCheck.Unpublished : _entry.Sha256 == sha256 ? ModelCheck.Published : ModelCheck.Other;
        if (check == ModelCheck.Other && !acceptOther)
        {
            var size = new FileInfo(file).Length;
            var other = _entry.Size is { } expected && expected != size ? $" ({size:N0} bytes where {expected:N0} are expected)" : "";
            throw new WhenceException(
                $"{file}: SHA-256 is {sha256}{other}, but {_entry.Sha256} is published for {_entry.Model.File}: damaged, or another file; '--unchecked' takes it all the same, say the same weights in another format.");
        }

        var spec = SpecOf(sha256);
        _open(spec with { Folder = Path.GetDirectoryName(Path.GetFullPath(file))!, Model = spec.Model! with { File = Path.GetFileName(file) } }).Dispose();
        return (check, sha256);
    }

    private static IDisposable OpenStructure(EncoderSpec spec) =>
        spec.Network is null ? new OnnxEncoder(spec) : Checkpoint.Open(Path.Combine(spec.Folder, spec.Model!.File));

    private EncoderSpec SpecOf(string sha256) => _entry.Spec with { Model = _entry.Model with { Sha256 = sha256 } };

    private void WriteSpec(string sha256) => SpecOf(sha256).Save(SpecPath);

    private void Write(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{ModelPath}' cannot be written: {e.Message} Make room or allow writing, and run the same command again.", e);
        }
    }
}
