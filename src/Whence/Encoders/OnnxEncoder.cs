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
        if (spec is not { Network: null, Model: { } model })
        {
            throw new ArgumentException($"Encoder '{spec.Name}' is no ONNX model but a network of its own kind.", nameof(spec));
        }

        Spec = spec;
        if (spec.PreprocessModel is { } preprocess)
        {
            var side = spec.Preprocessing.Crop;
            _preprocess = new OnnxModel(spec, preprocess, options, 3 * side * side);
        }

        try
        {
            _model = new OnnxModel(spec, model, options, spec.Dimension, spec.Pool, spec.Style);
        }
        catch
        {
            _preprocess?.Dispose();
            throw;
        }

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
}
