using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Search;

/// <summary>A version 2 control group with a limit on memory, the page cache of what its processes read included.</summary>
internal sealed class ControlGroup : IDisposable
{
    private const string Controller = "memory";

    private readonly string _folder;

    private ControlGroup(string folder) => _folder = folder;

    /// <summary>Null, with the reason, where this machine or this user has none to give.</summary>
    public static ControlGroup? Create(long bytes, out string reason)
    {
        // Fields of a line: device, mount point, type, options.
        var mounts = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).ToArray();
        var root = mounts.FirstOrDefault(mount => mount[2] == "cgroup2")?[1];
        var older = mounts.FirstOrDefault(mount => mount[2] == "cgroup" && mount[3].Split(',').Contains(Controller))?[1];
        reason = older is not null ? $"the memory controller belongs to a version 1 hierarchy ({older}), so version 2 has none"
            : root is null ? "no version 2 control groups are mounted"
            : !Words(Path.Combine(root, "cgroup.controllers")).Contains(Controller) ? $"{root} has no memory controller"
            : "";
        if (reason.Length > 0)
        {
            return null;
        }

        var folder = Path.Combine(root!, $"whence-bench-{Environment.ProcessId}");
        try
        {
            if (!Words(Path.Combine(root!, "cgroup.subtree_control")).Contains(Controller))
            {
                File.WriteAllText(Path.Combine(root!, "cgroup.subtree_control"), $"+{Controller}");
            }

            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "memory.max"), bytes.ToString(CultureInfo.InvariantCulture));
            return new ControlGroup(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reason = $"no control group can be made: {e.Message}";
            return null;
        }
    }

    /// <summary>A program that starts in the group: a shell enters it and becomes the program.</summary>
    public ProcessStartInfo Start(IEnumerable<string> command) =>
        new("/bin/sh", ["-c", "echo $$ > \"$0\" && exec \"$@\"", Path.Combine(_folder, "cgroup.procs"), .. command]);

    /// <summary>The most memory at any instant, and how often the limit was met or a process was killed for it.</summary>
    public JsonObject Figures() => new()
    {
        ["peak"] = File.ReadAllText(Path.Combine(_folder, "memory.peak")).Trim(),
        ["events"] = File.ReadAllText(Path.Combine(_folder, "memory.events")).Trim().ReplaceLineEndings(", "),
    };

    public void Dispose() => Directory.Delete(_folder); // a group's files go with it

    private static string[] Words(string path) => File.ReadAllText(path).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
