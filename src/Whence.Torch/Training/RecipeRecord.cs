using System.Text.Json;
using Whence.Files;

namespace Whence.Torch.Training;

/// <summary>
/// <c>recipe.json</c> in a training's folder: the recipe with all its values. Records are compared by these, so that one of an earlier build, which lacks a key whose default is meant, or of
/// another form is the same.
/// </summary>
/// <typeparam name="T">The recipe's type.</typeparam>
/// <param name="recipe">What is trained with.</param>
/// <param name="load">Reads such a recipe from a file.</param>
/// <param name="given">The file that it was read from; null where there is none.</param>
/// <param name="folder">Of the training.</param>
internal sealed class RecipeRecord<T>(T recipe, Func<string, T> load, byte[]? given, string folder)
{
    private readonly string _path = Path.Combine(folder, "recipe.json");

    /// <summary>Refuses to train where the record would replace a file of others, or the recipe itself.</summary>
    /// <param name="begun">Whether the folder holds a state: then what lies there is the record of that, which may differ in what does not bear on the state.</param>
    /// <exception cref="WhenceException">The message says what to do.</exception>
    public void RefuseOthers(bool begun)
    {
        if (!File.Exists(_path) || IsThere())
        {
            return;
        }

        // By content, whatever links lead there.
        if (given is not null && RegularFile.Guard(_path, () => File.ReadAllBytes(_path)).AsSpan().SequenceEqual(given))
        {
            throw new WhenceException($"'{_path}' is the recipe itself, which the record of all its values would replace; give another --out, or the recipe another name.");
        }

        if (!begun)
        {
            throw new WhenceException($"'{_path}' is there already and is no record of this training, whose own would replace it; give another --out, or move it away.");
        }
    }

    /// <summary>Writes it. One with the same values stays as it is.</summary>
    public void Write()
    {
        if (!IsThere())
        {
            AtomicFile.Write(_path, stream => JsonSerializer.Serialize(stream, recipe, RecipeJson.Indented));
        }
    }

    private bool IsThere()
    {
        try
        {
            return JsonSerializer.Serialize(load(_path), RecipeJson.Options) == JsonSerializer.Serialize(recipe, RecipeJson.Options);
        }
        catch (WhenceException)
        {
            return false; // missing, or something else
        }
    }
}
