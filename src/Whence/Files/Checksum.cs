using System.Security.Cryptography;

namespace Whence.Files;

/// <summary>SHA-256 of files, as lower-case hexadecimal.</summary>
internal static class Checksum
{
    /// <exception cref="IOException">The file is missing, empty, a pipe or device, or cannot be read.</exception>
    public static string Of(string path)
    {
        if (RegularFile.Length(path) == 0)
        {
            throw new IOException("it is empty or not a regular file");
        }

        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <param name="path">The file.</param>
    /// <param name="expected">What it must have.</param>
    /// <param name="hint">What to do about a damaged one.</param>
    /// <exception cref="WhenceException">The file is missing, cannot be read, or has another checksum.</exception>
    public static void Check(string path, string expected, string hint = "'whence verify' tells what to rebuild")
    {
        var actual = RegularFile.Guard(path, () => Of(path));
        if (actual != expected)
        {
            throw new WhenceException($"{path}: damaged (its SHA-256 is {actual}, expected {expected}); {hint}.");
        }
    }
}
