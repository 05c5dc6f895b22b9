namespace Whence.Encoders.Text;

/// <summary>The code page Windows-1252. The five bytes that it leaves undefined are the control characters of the same number, as in browsers.</summary>
internal static class Windows1252
{
    // The characters of bytes 0x80 to 0x9F; all other bytes are Latin-1.
    private const string High = "\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F"
        + "\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178";

    /// <summary>The character that a byte stands for.</summary>
    public static char Character(byte value) => value is >= 0x80 and <= 0x9F ? High[value - 0x80] : (char)value;

    /// <summary>The byte that a character is in Latin-1 or in Windows-1252; -1 where it is in neither.</summary>
    public static int Byte(char character) => character <= 0xFF ? character : High.IndexOf(character, StringComparison.Ordinal) is >= 0 and var at ? 0x80 + at : -1;
}
