using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Whence.Encoders;

/// <summary>One ONNX file of an encoder: loaded, checked against the spec, and run. Safe to use from several threads.</summary>
internal sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string _path;
    private readonly string[] _input;
    private readonly string[] _outputs;
    private readonly int _outputLength;
    private readonly TokenPool? _pool;
    private readonly StyleDescriptor? _style;

    /// <summary>Loads a file.</summary>
    /// <param name="spec">The encoder that it belongs to.</param>
    /// <param name="file">The file.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="outputLength">Values that come of an image.</param>
    /// <param name="pool">What becomes of tokens; null: there are none.</param>
    /// <param name="style">The layers to describe instead of the output; null: the output.</param>
    /// <exception cref="WhenceException">Missing, has another checksum, or does not fit the spec.</exception>
    public OnnxModel(EncoderSpec spec, ModelFile file, OnnxEncoderOptions options, int outputLength, TokenPool? pool = null, StyleSpec? style = null)
    {
        _path = file.CheckedPath(spec.Folder);
        (_outputLength, _pool) = (outputLength, pool);
        _style = style is null ? null : new StyleDescriptor(style, outputLength);
        _session = Load(options, style);
        try
        {
            _input = [Choose("input", file.Input, _session.InputMetadata)];
            _outputs = style is null
                ? [Choose("output", file.Output, _session.OutputMetadata)]
                : [.. style.Layers.Select(layer => Choose("layer", layer, _session.OutputMetadata))];
            FixedBatch = CheckInput(_session.InputMetadata[_input[0]], spec.Preprocessing.Crop);
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    /// <summary>The batch size the model insists on, or null where it takes any.</summary>
    public int? FixedBatch { get; }

    /// <summary>Runs n images, n x 3 x side x side, and writes what comes of each.</summary>
    public unsafe void Run(ReadOnlySpan<float> images, int n, int side, Span<float> destination)
    {
        try
        {
            fixed (float* data = images)
            {
                using var input = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance,
                    TensorElementType.Float,
                    [n, 3, side, side],
                    (nint)data,
                    (long)images.Length * sizeof(float));
                using var outputs = _session.Run(_run, _input, [input], _outputs);
                Take(outputs, n, destination);
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new WhenceException($"{_path}: the model failed ({e.Message.ReplaceLineEndings(" ")}).", e);
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }

    private void Take(IReadOnlyList<OrtValue> outputs, int n, Span<float> destination)
    {
        if (_style is null)
        {
            var shape = outputs[0].GetTensorTypeAndShape().Shape;
            var problem = ModelOutput.Take(outputs[0].GetTensorDataAsSpan<float>(), shape, n, _pool, destination[..(n * _outputLength)]);
            if (problem is not null)
            {
                throw new WhenceException($"{_path}: output '{_outputs[0]}' {problem}.");
            }

            return;
        }

        try
        {
            _style.Describe(n, layer => MapsOf(outputs[layer], n, _outputs[layer]), destination);
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{_path}: {e.Message}", e);
        }
    }

    private static FeatureMaps MapsOf(OrtValue value, int n, string layer)
    {
        var shape = value.GetTensorTypeAndShape().Shape;
        return FeatureMaps.Of(value.GetTensorDataAsSpan<float>(), shape, n, layer);
    }

    private InferenceSession Load(OnnxEncoderOptions options, StyleSpec? style)
    {
        using var session = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.Configure?.Invoke(session);
        try
        {
            if (style is null)
            {
                return new InferenceSession(_path, session);
            }

            // From memory, since the graph gets more outputs; weights that lie beside the file are still found.
            session.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", Path.GetDirectoryName(_path)!);
            return new InferenceSession(OnnxGraph.WithOutputs(File.ReadAllBytes(_path), style.Layers), session);
        }
        catch (OnnxRuntimeException e)
        {
            throw new WhenceException($"{_path}: not a model that ONNX Runtime can load ({e.Message.ReplaceLineEndings(" ")}).", e);
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{_path}: {e.Message}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"{_path}: cannot read the model ({e.Message}).", e);
        }
    }

    private string Choose(string what, string? name, IReadOnlyDictionary<string, NodeMetadata> nodes)
    {
        var chosen = name ?? (nodes.Count == 1 ? nodes.Keys.First() : null);
        if (chosen is null || !nodes.TryGetValue(chosen, out var node))
        {
            throw new WhenceException(
                $"{_path}: the spec names {what} '{name}', but the model has {string.Join(", ", nodes.Keys.Select(k => $"'{k}'"))}; name one of them in the spec.");
        }

        if (!node.IsTensor || node.ElementDataType != TensorElementType.Float)
        {
            throw new WhenceException(
                $"{_path}: {what} '{chosen}' is {(node.IsTensor ? node.ElementDataType : node.OnnxValueType)}, but Whence feeds float32; export the model with float32 ends.");
        }

        return chosen;
    }

    private int? CheckInput(NodeMetadata input, int side)
    {
        var shape = input.Dimensions;
        int[] wanted = [-1, 3, side, side];
        if (shape.Length != 4 || shape.Zip(wanted).Skip(1).Any(d => d.First > 0 && d.First != d.Second))
        {
            throw new WhenceException(
                $"{_path}: input '{_input[0]}' has shape [{string.Join(", ", shape)}], but the spec's crop makes [n, 3, {side}, {side}]; correct 'crop' in the spec.");
        }

        return shape[0] > 0 ? shape[0] : null;
    }
}
