using System.Runtime.InteropServices;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Customization;

/// <summary>What a step measured, before it moved anything.</summary>
/// <param name="Exemplars">Loss of the exemplars.</param>
/// <param name="Prior">Loss of the regularisation images, without its weight.</param>
/// <param name="GradientNorm">Of everything that is trained together, before clipping.</param>
internal readonly record struct CustomizationLosses(double Exemplars, double Prior, double GradientNorm);

/// <summary>
/// What Custom Diffusion trains, while it learns, and one step of that: keys and values of the U-Net's cross-attention, and the rows of new tokens. Nothing else takes a
/// gradient. Weights are kept in float32 whatever the network computes with.
/// </summary>
internal sealed class CustomDiffusionOptimization : IDisposable
{
    private const string Embedding = "embedding", MeanPrefix = "adam.mean.", SquarePrefix = "adam.square.";

    private readonly UNet _unet;
    private readonly ClipTextTransformer _text;
    private readonly NoiseSchedule _schedule;
    private readonly CustomDiffusionOptions _options;
    private readonly int[] _ids;
    private readonly Parameter _rows;
    private readonly Trained[] _trained;

    /// <summary>Takes hold of the trained tensors of two networks.</summary>
    /// <param name="unet">Its cross-attention is trained in place.</param>
    /// <param name="text">Only read, but for <see cref="CustomDiffusionOptions.DecayAllTokens"/>.</param>
    /// <param name="schedule">The noise.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="ids">Ids of the new tokens.</param>
    /// <param name="rows">Their embeddings to begin with, row after row.</param>
    public CustomDiffusionOptimization(
        UNet unet, ClipTextTransformer text, NoiseSchedule schedule, CustomDiffusionOptions options, int[] ids, ReadOnlySpan<float> rows)
    {
        (_unet, _text, _schedule, _options, _ids) = (unet, text, schedule, options, ids);
        (_unet.DetachFirstToken, _unet.Checkpointing) = (options.DetachFirstToken, options.Checkpointing);
        using (NewDisposeScope())
        {
            _rows = new Parameter(TensorValues.ToTensor(rows, ids.Length, text.Spec.Width).to(text.Tokens.dtype, text.Tokens.device, copy: true));
            _rows.DetachFromDisposeScope();
        }

        _trained =
        [
            .. unet.named_parameters()
                .Where(p => ConceptNames.IsKeyOrValue(p.name) || (options.TrainQueries && ConceptNames.IsWeight(p.name)))
                .OrderBy(p => p.name, StringComparer.Ordinal).Select(p => new Trained(p.name, p.parameter)),
            new Trained(Embedding, _rows, rows.ToArray()),
        ];
        foreach (var trained in _trained)
        {
            trained.Parameter.requires_grad = true;
        }
    }

    /// <summary>Steps done.</summary>
    public long Steps { get; private set; }

    /// <summary>One step.</summary>
    /// <param name="batch">What it is trained with.</param>
    /// <param name="microBatch">Images that go through the network at once.</param>
    /// <param name="cancellation">Stops before anything has moved.</param>
    /// <exception cref="WhenceException">The loss is not finite any more.</exception>
    public CustomizationLosses Step(CustomizationBatch batch, int microBatch, CancellationToken cancellation = default)
    {
        var losses = Backward(batch, microBatch, cancellation);
        if (!double.IsFinite(losses.Exemplars + losses.Prior + losses.GradientNorm))
        {
            throw new WhenceException(FormattableString.Invariant(
                $"The loss became {losses.Exemplars + losses.Prior} in step {Steps + 1}; take a lower --learning-rate than {_options.LearningRate}, and look whether the model is sound."));
        }

        Steps++;
        var clip = Math.Min(1, (_options.MaxGradientNorm ?? double.PositiveInfinity) / (losses.GradientNorm + 1e-6));
        foreach (var trained in _trained)
        {
            if (clip < 1)
            {
                TensorPrimitives.Multiply(trained.Gradient, (float)clip, trained.Gradient);
            }

            trained.Adam.Step(trained.Values, trained.Gradient, Steps, _options.LearningRate, _options.WeightDecay);
            trained.Put();
        }

        DecayOthers();
        return losses;
    }

    /// <summary>Computes the losses, and the gradient of everything that is trained.</summary>
    public CustomizationLosses Backward(CustomizationBatch batch, int microBatch, CancellationToken cancellation = default)
    {
        foreach (var trained in _trained)
        {
            Array.Clear(trained.Gradient);
        }

        using var scope = NewDisposeScope();
        var weights = batch.CellWeights(_options.PriorWeight);
        var perImage = new float[batch.Count];
        for (var start = 0; start < batch.Count; start += microBatch)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var count = Math.Min(microBatch, batch.Count - start);
            var (loss, images) = Loss(batch, weights, start, count);
            loss.backward();
            TensorValues.Of(images.detach().to(ScalarType.Float32, CPU).contiguous()).CopyTo(perImage.AsSpan(start));
            foreach (var trained in _trained)
            {
                trained.Take();
            }
        }

        var squares = _trained.Sum(trained => SumOfSquares(trained.Gradient));
        var exemplars = perImage.Take(batch.Exemplars).Sum(value => (double)value);
        var prior = perImage.Skip(batch.Exemplars).Sum(value => (double)value);
        return new CustomizationLosses(exemplars, _options.PriorWeight > 0 ? prior / _options.PriorWeight : 0, Math.Sqrt(squares));
    }

    /// <summary>The noise that the network sees in some of a batch's images. For tests.</summary>
    internal (Tensor Context, Tensor Noisy, Tensor Prediction) Predict(CustomizationBatch batch)
    {
        using var none = no_grad();
        var (context, noisy) = (Context(batch.Ids), _schedule.AddNoise(batch.Latents, batch.Noise, batch.Timesteps));
        return (context, noisy, _unet.forward(noisy, batch.Timesteps, context));
    }

    /// <summary>The gradient of a trained tensor, by its name, before clipping; that of new tokens as <c>embedding</c>.</summary>
    internal IReadOnlyDictionary<string, float[]> Gradients => _trained.ToDictionary(trained => trained.Name, trained => trained.Gradient);

    /// <summary>What is trained as it is now, with tokens of these names.</summary>
    public ConceptWeights ToConcept(IReadOnlyList<string> tokens)
    {
        var width = _text.Spec.Width;
        var rows = _trained[^1].Values;
        return new ConceptWeights(
            _trained[..^1].ToDictionary(t => t.Name, t => ConceptWeight.Whole([.. t.Values], t.Parameter.shape), StringComparer.Ordinal),
            [.. tokens.Select((name, i) => new ConceptToken(name, rows[(i * width)..((i + 1) * width)]))]);
    }

    /// <summary>The trained tensors and Adam's moments.</summary>
    public IReadOnlyList<TensorData> Save() =>
    [
        .. _trained.SelectMany(t => (TensorData[])
        [
            TensorData.FromSingle(t.Name, t.Values, t.Values.Length),
            TensorData.FromSingle(MeanPrefix + t.Name, t.Adam.Mean, t.Values.Length),
            TensorData.FromSingle(SquarePrefix + t.Name, t.Adam.Square, t.Values.Length),
        ]),
    ];

    /// <summary>Takes a state that <see cref="Save"/> gave.</summary>
    /// <exception cref="WhenceException">A tensor is missing or of another shape.</exception>
    public void Load(IReadOnlyList<TensorData> state, long steps)
    {
        var byName = state.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach (var trained in _trained)
        {
            foreach (var (name, values) in ((string, float[])[])[(trained.Name, trained.Values), (MeanPrefix + trained.Name, trained.Adam.Mean), (SquarePrefix + trained.Name, trained.Adam.Square)])
            {
                ModuleState.Find(byName, name, [values.Length]).ToBytes().CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
            }

            trained.Put();
        }

        for (Steps = 0; Steps < steps; Steps++)
        {
            DecayOthers();
        }
    }

    /// <summary>Gives the new tokens their places in the text encoder, and the networks back to be used.</summary>
    public void Dispose()
    {
        foreach (var trained in _trained)
        {
            trained.Parameter.grad = null;
            trained.Parameter.requires_grad = false;
        }

        for (var i = 0; i < _ids.Length; i++)
        {
            using var row = _rows.narrow(0, i, 1);
            _text.SetTokens(_ids[i], row);
        }

        (_unet.DetachFirstToken, _unet.Checkpointing) = (false, false);
        _rows.Dispose();
    }

    private (Tensor Loss, Tensor PerImage) Loss(CustomizationBatch batch, Tensor weights, int start, int count)
    {
        using var scope = NewDisposeScope();
        var device = _text.Tokens.device;
        var (latents, noise) = (Part(batch.Latents), Part(batch.Noise));
        var timesteps = Part(batch.Timesteps);
        var noisy = _schedule.AddNoise(latents, noise, timesteps).to(_text.Tokens.dtype); // both networks compute with the same
        var predicted = _unet.forward(noisy, timesteps, Context(Part(batch.Ids))).to(ScalarType.Float32);
        var error = (predicted - _schedule.Target(latents, noise, timesteps)).square(); // n x channels x h x w
        var perImage = (error * Part(weights)).sum([1, 2, 3]);
        return (perImage.sum().MoveToOuterDisposeScope(), perImage.MoveToOuterDisposeScope());

        Tensor Part(Tensor all) => all.narrow(0, start, count).to(device);
    }

    /// <summary>The hidden states of texts, in which new tokens have the rows that are trained. [n, context] -> [n, context, width].</summary>
    private Tensor Context(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var x = _text.Embed(ids.clamp(0, _text.Spec.VocabularySize - 1));
        for (var i = 0; i < _ids.Length; i++)
        {
            x = where(ids.eq(_ids[i]).unsqueeze(-1), _rows.narrow(0, i, 1).unsqueeze(0), x);
        }

        return _text.Encode(x).MoveToOuterDisposeScope();
    }

    // In float32 by parts, so that the sum of millions is none of millions of roundings.
    private static double SumOfSquares(ReadOnlySpan<float> values)
    {
        const int Part = 4096;
        var sum = 0.0;
        for (; values.Length > 0; values = values[Math.Min(Part, values.Length)..])
        {
            sum += TensorPrimitives.SumOfSquares(values[..Math.Min(Part, values.Length)]);
        }

        return sum;
    }

    private void DecayOthers()
    {
        if (_options.DecayAllTokens)
        {
            using var none = no_grad();
            _text.Tokens.mul_((float)(1 - (_options.LearningRate * _options.WeightDecay)));
        }
    }

    /// <summary>A tensor that is trained: its float32 values, gradient and moments in plain memory, and where the network reads it.</summary>
    private sealed class Trained
    {
        public Trained(string name, Parameter parameter, float[]? values = null)
        {
            (Name, Parameter) = (name, parameter);
            if (values is null)
            {
                using var none = no_grad();
                using var scope = NewDisposeScope();
                values = TensorValues.Of(parameter.detach().to(ScalarType.Float32, CPU).contiguous()).ToArray();
            }

            (Values, Gradient, Adam) = (values, new float[values.Length], new Adam(values.Length));
        }

        public string Name { get; }

        public Parameter Parameter { get; }

        public float[] Values { get; }

        public float[] Gradient { get; }

        public Adam Adam { get; }

        /// <summary>Adds what the last backward pass left to the gradient.</summary>
        public void Take()
        {
            if (Parameter.grad is not { } left)
            {
                return; // no prompt had such a token
            }

            using (left)
            using (NewDisposeScope())
            {
                TensorPrimitives.Add(Gradient, TensorValues.Of(left.to(ScalarType.Float32, CPU).contiguous()), Gradient);
            }

            Parameter.grad = null;
        }

        /// <summary>Has the network read the values.</summary>
        public void Put()
        {
            using var none = no_grad();
            using var scope = NewDisposeScope();
            Parameter.copy_(TensorValues.ToTensor(Values, Parameter.shape));
        }
    }
}
