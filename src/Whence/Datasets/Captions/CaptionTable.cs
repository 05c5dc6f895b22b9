using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Files;

namespace Whence.Datasets.Captions;

/// <summary>
/// A CSV file of captions, <c>key,caption</c>, as a <see cref="Images.MetadataTable"/> reads it. Columns and rows that a person added stay, and so do captions that a person wrote.
/// </summary>
internal sealed class CaptionTable
{
    private const string KeyName = "key", CaptionName = "caption";

    private readonly string _path;
    private readonly List<string> _header = [KeyName, CaptionName];
    private readonly List<string[]> _rows = [];
    private readonly Dictionary<string, string[]> _byKey = new(StringComparer.Ordinal);
    private readonly int _key, _caption = 1;

    private CaptionTable(string path, List<string[]> records)
    {
        _path = path;
        if (records is [var header, .. var rows])
        {
            _header = [.. header];
            (_key, _caption) = (Array.IndexOf(header, KeyName), Array.IndexOf(header, CaptionName));
            if (_key < 0 || _caption < 0)
            {
                throw new WhenceException($"{path}: has no column '{(_key < 0 ? KeyName : CaptionName)}', so captions cannot be added to it. Name another file.");
            }

            foreach (var (i, row) in rows.Index())
            {
                if (row.Length != header.Length || !_byKey.TryAdd(row[_key], row))
                {
                    throw new WhenceException($"{path}: row {i + 2} {(row.Length != header.Length ? $"has {row.Length} fields where the header has {header.Length}" : $"has the key '{row[_key]}' once more")}.");
                }

                _rows.Add(row);
            }
        }
    }

    /// <summary>Reads a file, or begins with none.</summary>
    /// <exception cref="WhenceException">The file is no such table.</exception>
    public static CaptionTable Open(string path)
    {
        if (!File.Exists(path))
        {
            return new CaptionTable(path, []);
        }

        try
        {
            using var reader = new StreamReader(new FileStream(RegularFile.Open(path), FileAccess.Read, 1 << 16, isAsync: true), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            using var csv = new CsvParser(reader, new CsvConfiguration(CultureInfo.InvariantCulture) { MaxFieldSize = TextLines.MaxLength });
            var records = new List<string[]>();
            while (csv.Read())
            {
                records.Add(csv.Record!);
            }

            return new CaptionTable(path, records);
        }
        catch (DecoderFallbackException e)
        {
            throw new WhenceException($"{path}: is no UTF-8 text; save it as UTF-8, so that what you wrote stays.", e);
        }
        catch (Exception e) when (e is CsvHelperException || RegularFile.IsInputError(e))
        {
            throw new WhenceException($"{path}: is not valid CSV: {RegularFile.OneLine(e.Message.Split('\n')[0])}", e);
        }
    }

    /// <summary>The caption of an image; null where there is none.</summary>
    public string? this[string key]
    {
        get => _byKey.TryGetValue(key, out var row) && !string.IsNullOrWhiteSpace(row[_caption]) ? row[_caption] : null;
        set
        {
            if (!_byKey.TryGetValue(key, out var row))
            {
                row = new string[_header.Count];
                Array.Fill(row, "");
                row[_key] = key;
                _byKey.Add(key, row);
                _rows.Add(row);
            }

            row[_caption] = value ?? "";
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public void Save() => AtomicFile.Write(_path, stream =>
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { InjectionOptions = InjectionOptions.None });
        foreach (var row in _rows.Prepend([.. _header]))
        {
            foreach (var field in row)
            {
                csv.WriteField(field);
            }

            csv.NextRecord();
        }
    });
}
