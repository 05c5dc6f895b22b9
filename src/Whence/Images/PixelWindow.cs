namespace Whence.Images;

/// <summary>A rectangle of pixels.</summary>
/// <param name="Left">First column, from 0.</param>
/// <param name="Top">First row, from 0.</param>
/// <param name="Width">Columns, at least 1.</param>
/// <param name="Height">Rows, at least 1.</param>
public readonly record struct PixelWindow(int Left, int Top, int Width, int Height);
