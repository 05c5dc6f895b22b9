using Microsoft.ML.OnnxRuntime;

namespace Whence.Encoders;

/// <summary>Options of an <see cref="OnnxEncoder"/>.</summary>
public sealed record OnnxEncoderOptions
{
    /// <summary>Threads that work on one call, at least 1. Default 1: the indexing pipeline runs one call per core instead.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Last word on the session, for example to add a GPU provider that the application brings
    /// (<c>options.AppendExecutionProvider_CUDA()</c>). Default: CPU.
    /// </summary>
    public Action<SessionOptions>? Configure { get; init; }
}

/// <summary>Runs any ONNX image model that has an <see cref="EncoderSpec"/>.</summary>
public sealed class OnnxEncoder : IImageEncoder
{
    private readonly OnnxModel _model;
    private readonly OnnxModel? _preprocess;

    /// <summary>Loads the models that a spec names and checks them against it.</summary>
    /// <exception cref="WhenceException">A file is missing, has another checksum, or does not fit the spec.</exception>
    public OnnxEncoder(EncoderSpec spec, OnnxEncoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        spec.Validate();
        Spec = spec;
        var side = spec.Preprocessing.Crop;
        if (spec.PreprocessModel is { } preprocess)
        {
            _preprocess = new OnnxModel(spec, preprocess, options, 3 * side * side);
        }

        _model = new OnnxModel(spec, spec.Model, options, spec.Dimension);
        MaxBatch = Math.Min(_model.FixedBatch ?? int.MaxValue, _preprocess?.FixedBatch ?? int.MaxValue);
    }

    /// <inheritdoc/>
    public EncoderSpec Spec { get; }

    /// <inheritdoc/>
    public int MaxBatch { get; }

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<float> images, Span<float> features)
    {
        var side = Spec.Preprocessing.Crop;
        var length = 3 * side * side;
        var n = images.Length / length;
        if (images.Length != n * length || features.Length != n * Spec.Dimension)
        {
            throw new ArgumentException(
                $"{images.Length} input and {features.Length} output values do not make whole images of {length} and features of {Spec.Dimension}.");
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, MaxBatch);
        if (n == 0)
        {
            return;
        }

        if (FixedBatch is { } fixedBatch && n < fixedBatch)
        {
            // The model insists on its batch: the rest is blank, and what comes of it is dropped.
            var padded = new float[fixedBatch * length];
            var all = new float[fixedBatch * Spec.Dimension];
            images.CopyTo(padded);
            Run(padded, fixedBatch, all);
            all.AsSpan(0, features.Length).CopyTo(features);
            return;
        }

        Run(images, n, features);
    }

    private int? FixedBatch => _model.FixedBatch ?? _preprocess?.FixedBatch;

    private void Run(ReadOnlySpan<float> images, int n, Span<float> features)
    {
        var side = Spec.Preprocessing.Crop;
        if (_preprocess is null)
        {
            _model.Run(images, n, side, features);
            return;
        }

        using var prepared = System.Buffers.MemoryPool<float>.Shared.Rent(images.Length);
        var input = prepared.Memory.Span[..images.Length];
        _preprocess.Run(images, n, side, input);
        _model.Run(input, n, side, features);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        _preprocess?.Dispose();
    }

    private sealed class OnnxModel : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly RunOptions _run = new();
        private readonly string _path;
        private readonly string[] _input;
        private readonly string[] _output;
        private readonly int _outputLength;

        public OnnxModel(EncoderSpec spec, ModelFile file, OnnxEncoderOptions options, int outputLength)
        {
            _path = file.CheckedPath(spec.Folder);
            _outputLength = outputLength;
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
                _session = new InferenceSession(_path, session);
            }
            catch (OnnxRuntimeException e)
            {
                throw new WhenceException($"{_path}: not a model that ONNX Runtime can load ({e.Message.ReplaceLineEndings(" ")}).", e);
            }

            try
            {
                _input = [Choose("input", file.Input, _session.InputMetadata)];
                _output = [Choose("output", file.Output, _session.OutputMetadata)];
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

        public unsafe void Run(ReadOnlySpan<float> images, int n, int side, Span<float> destination)
        {
            try
            {
                fixed (float* data = images)
                {
                    using var input = OrtValue.CreateTensorValueWithData(
                        OrtMemoryInfo.DefaultInstance,
                        Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float,
                        [n, 3, side, side],
                        (nint)data,
                        (long)images.Length * sizeof(float));
                    using var outputs = _session.Run(_run, _input, [input], _output);
                    var result = outputs[0].GetTensorDataAsSpan<float>();
                    if (result.Length != n * _outputLength)
                    {
                        throw new WhenceException(
                            $"{_path}: output '{_output[0]}' holds {result.Length} values for {n} images, but the spec says {_outputLength} each; correct 'dimension' or 'output' in the spec.");
                    }

                    result.CopyTo(destination);
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

        private string Choose(string what, string? name, IReadOnlyDictionary<string, NodeMetadata> nodes)
        {
            var chosen = name ?? (nodes.Count == 1 ? nodes.Keys.First() : null);
            if (chosen is null || !nodes.TryGetValue(chosen, out var node))
            {
                throw new WhenceException(
                    $"{_path}: the spec names {what} '{name}', but the model has {string.Join(", ", nodes.Keys.Select(k => $"'{k}'"))}; name one of them in the spec.");
            }

            if (!node.IsTensor || node.ElementDataType != Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float)
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
}
