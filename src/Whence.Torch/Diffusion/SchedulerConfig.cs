using System.Text;
using System.Text.Json;
using Whence.Files;
using static Whence.Torch.Diffusion.SchedulerKind;

namespace Whence.Torch.Diffusion;

/// <summary>The JSON of a <see cref="SchedulerSpec"/>, as diffusers has it.</summary>
internal static class SchedulerConfig
{
    /// <summary>What the file is called.</summary>
    public const string FileName = "scheduler_config.json";

    /// <summary>The key that names the class.</summary>
    public const string ClassKey = "_class_name";

    private const long LargestBytes = 1 << 24; // a million betas

    // "dpmsolver++" is to be read by people too.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, SchedulerKind> Classes = new()
    {
        ["DDPMScheduler"] = Ddpm,
        ["DDIMScheduler"] = Ddim,
        ["PNDMScheduler"] = Pndm,
        ["DPMSolverMultistepScheduler"] = DpmSolver,
        ["EulerDiscreteScheduler"] = Euler,
    };

    private static readonly Dictionary<string, BetaSchedule> BetaSchedules = new()
    {
        ["linear"] = BetaSchedule.Linear,
        ["scaled_linear"] = BetaSchedule.ScaledLinear,
        ["squaredcos_cap_v2"] = BetaSchedule.SquaredCosine,
    };

    private static readonly Dictionary<string, PredictionType> Predictions = new() { ["epsilon"] = PredictionType.Epsilon, ["v_prediction"] = PredictionType.Velocity };
    private static readonly Dictionary<string, TimestepSpacing> Spacings = new()
    {
        ["leading"] = TimestepSpacing.Leading,
        ["linspace"] = TimestepSpacing.Linspace,
        ["trailing"] = TimestepSpacing.Trailing,
    };

    private static readonly Dictionary<string, DdpmVariance> Variances = new() { ["fixed_small"] = DdpmVariance.FixedSmall, ["fixed_large"] = DdpmVariance.FixedLarge };
    private static readonly Dictionary<string, DpmAlgorithm> Algorithms = new() { ["dpmsolver++"] = DpmAlgorithm.DpmSolverPlusPlus, ["dpmsolver"] = DpmAlgorithm.DpmSolver };
    private static readonly Dictionary<string, DpmSolverType> SolverTypes = new() { ["midpoint"] = DpmSolverType.Midpoint, ["heun"] = DpmSolverType.Heun };
    private static readonly Dictionary<string, FinalSigma> FinalSigmas = new() { ["sigma_min"] = FinalSigma.SigmaMin, ["zero"] = FinalSigma.Zero };

    // Options of diffusers that are not computed here, the value that makes them harmless, and the classes that heed them.
    private static readonly Dictionary<string, (string Harmless, SchedulerKind[] Heeding)> Refused = new()
    {
        ["thresholding"] = ("false", [Ddpm, Ddim, DpmSolver]),
        ["rescale_betas_zero_snr"] = ("false", [Ddpm, Ddim, DpmSolver, Euler]),
        ["use_karras_sigmas"] = ("false", [DpmSolver, Euler]),
        ["use_exponential_sigmas"] = ("false", [DpmSolver, Euler]),
        ["use_beta_sigmas"] = ("false", [DpmSolver, Euler]),
        ["use_lu_lambdas"] = ("false", [DpmSolver]),
        ["use_flow_sigmas"] = ("false", [DpmSolver]),
        ["use_dynamic_shifting"] = ("false", [DpmSolver]),
        ["euler_at_final"] = ("false", [DpmSolver]),
        ["lambda_min_clipped"] = ("\"-Infinity\"", [DpmSolver]),
        ["interpolation_type"] = ("\"linear\"", [Euler]),
        ["timestep_type"] = ("\"discrete\"", [Euler]),
        ["sigma_min"] = ("null", [Euler]),
        ["sigma_max"] = ("null", [Euler]),
    };

    // They matter only beside an option that is refused.
    private static readonly HashSet<string> Passed = ["dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type", "sigma_schedule"];

    private static readonly HashSet<string> Computed =
    [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type", "timestep_spacing", "steps_offset", "set_alpha_to_one", "clip_sample",
        "clip_sample_range", "variance_type", "skip_prk_steps", "solver_order", "algorithm_type", "solver_type", "lower_order_final", "final_sigmas_type",
    ];

    /// <summary>diffusers' class.</summary>
    public static string ClassOf(SchedulerSpec spec) =>
        spec.Unsupported.TryGetValue(ClassKey, out var other) ? JsonSerializer.Deserialize<string>(other)! : Name(Classes, spec.Kind);

    /// <summary>Whether a key that may be unsupported is known to belong to some of the five classes only.</summary>
    public static bool IsKnown(string key) => Refused.ContainsKey(key) || key is "variance_type" or "algorithm_type" or "solver_type" or "final_sigmas_type";

    /// <summary>Whether a kind heeds an unsupported option; unknown ones are supposed to matter.</summary>
    public static bool Matters(string key, SchedulerKind kind) => key switch
    {
        "variance_type" => kind is Ddpm or DpmSolver,
        "algorithm_type" or "solver_type" => kind == DpmSolver,
        "final_sigmas_type" => kind is DpmSolver or Euler,
        _ => !Refused.TryGetValue(key, out var option) || option.Heeding.Contains(kind),
    };

    /// <exception cref="WhenceException">The file cannot be read, or is no such file.</exception>
    public static SchedulerSpec Read(string path)
    {
        try
        {
            var text = Encoding.UTF8.GetString(RegularFile.ReadAll(path, LargestBytes));
            using var document = JsonDocument.Parse(PythonJson.Quote(text.TrimStart('\uFEFF')), new JsonDocumentOptions { AllowDuplicateProperties = false });
            var spec = new Reader(document.RootElement).Read();
            spec.Validate();
            return spec;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or WhenceException)
        {
            throw new WhenceException($"{path}: not a usable scheduler_config.json ({RegularFile.OneLine(e.Message).TrimEnd('.')}); take the model's original file.", e);
        }
    }

    public static void Write(string path, SchedulerSpec spec)
    {
        AtomicFile.Write(path, stream =>
        {
            using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = Plain.Encoder });
            Write(json, spec);
        });
    }

    /// <summary>The same as an object of other JSON.</summary>
    public static void Write(Utf8JsonWriter json, SchedulerSpec spec)
    {
        json.WriteStartObject();
        json.WritePropertyName(ClassKey);
        JsonSerializer.Serialize(json, ClassOf(spec));
        json.WriteNumber("num_train_timesteps", spec.TrainSteps);
        json.WriteNumber("beta_start", spec.BetaStart);
        json.WriteNumber("beta_end", spec.BetaEnd);
        json.WriteString("beta_schedule", Name(BetaSchedules, spec.BetaSchedule));
        json.WritePropertyName("trained_betas");
        JsonSerializer.Serialize(json, spec.TrainedBetas);
        json.WriteString("prediction_type", Name(Predictions, spec.Prediction));
        json.WriteNumber("steps_offset", spec.StepsOffset);
        json.WriteBoolean("set_alpha_to_one", spec.SetAlphaToOne);
        json.WriteBoolean("clip_sample", spec.ClipSample);
        json.WriteNumber("clip_sample_range", spec.ClipSampleRange);
        if (spec.Spacing is { } spacing)
        {
            json.WriteString("timestep_spacing", Name(Spacings, spacing));
        }

        WriteOwn(json, spec);
        foreach (var (key, value) in spec.Unsupported.Where(option => option.Key != ClassKey))
        {
            json.WritePropertyName(key);
            json.WriteRawValue(value);
        }

        json.WriteEndObject();
    }

    private static void WriteOwn(Utf8JsonWriter json, SchedulerSpec spec)
    {
        switch (spec.Kind)
        {
            case Ddpm:
                WriteText("variance_type", Name(Variances, spec.Variance));
                break;
            case Pndm:
                json.WriteBoolean("skip_prk_steps", spec.SkipPrkSteps);
                break;
            case DpmSolver:
                json.WriteNumber("solver_order", spec.SolverOrder);
                WriteText("algorithm_type", Name(Algorithms, spec.Algorithm));
                WriteText("solver_type", Name(SolverTypes, spec.SolverType));
                json.WriteBoolean("lower_order_final", spec.LowerOrderFinal);
                WriteText("final_sigmas_type", Name(FinalSigmas, spec.FinalSigma));
                break;
        }

        void WriteText(string key, string value)
        {
            if (!spec.Unsupported.ContainsKey(key))
            {
                json.WriteString(key, value);
            }
        }
    }

    private static string Name<T>(Dictionary<string, T> names, T value)
        where T : struct, Enum => names.First(pair => pair.Value.Equals(value)).Key;

    private sealed class Reader(JsonElement root)
    {
        private readonly Dictionary<string, string> _unsupported = [];

        public SchedulerSpec Read()
        {
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new WhenceException($"it holds a {root.ValueKind}, not an object in braces");
            }

            var name = Text(ClassKey) ?? throw new WhenceException($"'{ClassKey}' is missing");
            if (!Classes.TryGetValue(name, out var kind))
            {
                _unsupported[ClassKey] = JsonSerializer.Serialize(name, Plain);
            }

            var clips = kind is Ddpm or Ddim && _unsupported.Count == 0;
            var spec = new SchedulerSpec
            {
                Kind = kind,
                TrainSteps = Whole("num_train_timesteps", 1000),
                BetaStart = Number("beta_start", 0.0001),
                BetaEnd = Number("beta_end", 0.02),
                BetaSchedule = Known("beta_schedule", BetaSchedules, BetaSchedule.Linear),
                TrainedBetas = Numbers("trained_betas"),
                Prediction = Known("prediction_type", Predictions, PredictionType.Epsilon),
                Spacing = Text("timestep_spacing") is null ? null : Known("timestep_spacing", Spacings, default),
                StepsOffset = Whole("steps_offset", 0),
                SetAlphaToOne = Flag("set_alpha_to_one", kind == Ddim && _unsupported.Count == 0),
                ClipSample = Flag("clip_sample", clips),
                ClipSampleRange = Number("clip_sample_range", 1),
                Variance = Option("variance_type", Variances),
                SkipPrkSteps = Flag("skip_prk_steps", false),
                SolverOrder = Whole("solver_order", 2),
                Algorithm = Option("algorithm_type", Algorithms),
                SolverType = Option("solver_type", SolverTypes),
                LowerOrderFinal = Flag("lower_order_final", true),
                FinalSigma = Option("final_sigmas_type", FinalSigmas),
            };
            if (spec.Kind == Euler && Text("final_sigmas_type") == "sigma_min")
            {
                _unsupported["final_sigmas_type"] = "\"sigma_min\"";
            }

            foreach (var property in root.EnumerateObject())
            {
                if (property.Name.StartsWith('_') || Computed.Contains(property.Name) || Passed.Contains(property.Name))
                {
                    continue;
                }

                var value = property.Value.GetRawText();
                var harmless = Refused.TryGetValue(property.Name, out var option) ? value == option.Harmless : value == "false";
                if (!harmless && value != "null")
                {
                    _unsupported[property.Name] = value;
                }
            }

            return spec with { Unsupported = _unsupported };
        }

        private JsonElement? Get(string key) => root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private string? Text(string key) => Get(key) is not { } value ? null
            : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, value, "a text");

        private bool Flag(string key, bool absent) => Get(key) is not { } value ? absent
            : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, "true or false");

        private int Whole(string key, int absent) => Get(key) is not { } value ? absent
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw Wrong(key, value, "a whole number");

        private double Number(string key, double absent) => Get(key) is not { } value ? absent
            : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Wrong(key, value, "a number");

        private double[]? Numbers(string key) => Get(key) is not { } value ? null
            : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number)
                ? [.. value.EnumerateArray().Select(item => item.GetDouble())] : throw Wrong(key, value, "a list of numbers");

        private T Known<T>(string key, Dictionary<string, T> names, T absent) => Text(key) is not { } text ? absent
            : names.TryGetValue(text, out var known) ? known
            : throw new WhenceException($"{key} is '{text}'; known are {string.Join(", ", names.Keys)}");

        // An option that only sampling heeds: sampling another way is no less possible. Its first value is what diffusers takes where none is given.
        private T Option<T>(string key, Dictionary<string, T> names)
        {
            if (Text(key) is { } text && !names.ContainsKey(text))
            {
                _unsupported[key] = JsonSerializer.Serialize(text, Plain);
                return names.Values.First();
            }

            return Known(key, names, names.Values.First());
        }

        private static WhenceException Wrong(string key, JsonElement value, string needed) =>
            new($"{key} is {(value.GetRawText() is { Length: <= 40 } text ? text : value.ValueKind)}, but must be {needed}");
    }
}

/// <summary>Python writes numbers that JSON has not.</summary>
internal static class PythonJson
{
    /// <summary>Puts <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c> into quotes, outside of texts.</summary>
    public static string Quote(string json)
    {
        string[] words = ["-Infinity", "Infinity", "NaN"];
        if (!Array.Exists(words, word => json.Contains(word, StringComparison.Ordinal)))
        {
            return json;
        }

        var quoted = new StringBuilder(json.Length + 16);
        var inText = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (!inText && Array.Find(words, word => string.CompareOrdinal(json, i, word, 0, word.Length) == 0) is { } found)
            {
                quoted.Append('"').Append(found).Append('"');
                i += found.Length - 1;
                continue;
            }

            quoted.Append(json[i]);
            if (inText && json[i] == '\\' && i + 1 < json.Length)
            {
                quoted.Append(json[++i]);
            }
            else if (json[i] == '"')
            {
                inText = !inText;
            }
        }

        return quoted.ToString();
    }
}
