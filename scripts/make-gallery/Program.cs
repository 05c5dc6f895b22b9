using MakeGallery;

if (args.Length is not (3 or 5 or 6))
{
    Console.Error.WriteLine("usage: MakeGallery PACKAGES OBJECTS.TSV OUTPUT [QUERIES.TSV DATASET [SHEETS]]   (make.sh calls it so)");
    return 2;
}

var (packages, objects, output) = (args[0], args[1], args[2]);
var drawings = Gallery.Read(packages, objects);
var gallery = drawings.ToDictionary(d => d.Key, Gallery.Sample);

Directory.CreateDirectory(output);
WebDataset.Write(Path.Combine(output, "gallery.tar"), gallery.Values);

foreach (var own in drawings.GroupBy(d => d.Designer))
{
    Console.WriteLine($"{own.Key.Package}: {own.Count()} drawings, {own.Sum(d => gallery[d.Key].Png.Length)} bytes");
}

if (args.Length == 3)
{
    return 0; // models are customized on the gallery first
}

var queries = Queries.Take(args[3], args[4], drawings);
WebDataset.Write(Path.Combine(output, "queries.tar"), queries);
Console.WriteLine($"queries: {queries.Count} pictures, {queries.Sum(q => q.Png.Length)} bytes");

if (args.Length == 6)
{
    Directory.CreateDirectory(args[5]);
    var rows = drawings.GroupBy(d => d.Label).Select(own => Designer.All
        .Select(designer => own.FirstOrDefault(d => d.Designer == designer) is { } d ? gallery[d.Key].Png : null)
        .ToList());
    foreach (var (page, content) in rows.Chunk(10).Index())
    {
        ContactSheet.Write(Path.Combine(args[5], $"gallery-{page + 1}.png"), content, Drawing.Side);
    }

    ContactSheet.Write(Path.Combine(args[5], "queries.png"), [[.. queries.Select(q => q.Png)]], 64);
}

return 0;
