using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Reports;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset show</c>: a data set of customized models as pages to browse.</summary>
internal static class DatasetShowCommand
{
    public static Command Create(Streams streams)
    {
        var dataset = new Argument<string>("DIR") { Description = "Folder that 'whence dataset build' or 'whence dataset merge' wrote" };
        var output = new Option<string?>("--out") { Description = "Folder of the pages; outside the folder that holds DIR, they get copies of the images [default: 'site' in DIR]", HelpName = "FOLDER" };
        var command = new Command("show", "Write pages to browse a data set with: exemplars, what was drawn, prompts, filters and search, without a server") { dataset, output };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                var folder = parsed.GetValue(output) ?? Path.Combine(parsed.GetRequiredValue(dataset), "site");
                var summary = DatasetSite.Write(parsed.GetRequiredValue(dataset), folder, cancellation);
                streams.Output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Path.Combine(folder, DatasetSite.IndexName)}: {summary.Models:N0} models, {summary.Images:N0} images{(summary.Copied ? ", which were copied" : "")}; open it in a browser."));
                return 0;
            },
            CancellationToken.None));
        return command;
    }
}
