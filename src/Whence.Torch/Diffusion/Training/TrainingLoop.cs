using System.Diagnostics;
using Whence.Reports;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>How far the training of a generator is.</summary>
/// <param name="Stage">What is trained: <c>autoencoder</c> or <c>unet</c>.</param>
/// <param name="Step">Steps of the stage that are done.</param>
/// <param name="Steps">Steps of the stage in all.</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Loss">Of the last step.</param>
public readonly record struct GeneratorProgress(string Stage, long Step, long Steps, int Batch, double Loss);

/// <summary>The steps of one stage: the same, whatever is trained.</summary>
internal sealed class TrainingLoop
{
    private const int MostPoints = 200;

    private readonly string _stage, _path;
    private readonly RecipeTraining _training;
    private readonly RecipeCheckpoint _intervals;
    private readonly int _threads;
    private readonly TrainedWeights _weights;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly List<GeneratorPoint> _points;
    private LossSums _open = new();
    private long _done, _saved;
    private readonly Stopwatch _sinceSaved = Stopwatch.StartNew();

    /// <summary>Steps that begin, or go on from a checkpoint.</summary>
    /// <param name="stage">What is trained.</param>
    /// <param name="training">Steps, rates, ...</param>
    /// <param name="weights">As they begin; they take the checkpoint's where there is one.</param>
    /// <param name="path">File of the checkpoint.</param>
    /// <param name="intervals">When it is written.</param>
    /// <param name="threads">Threads of libtorch.</param>
    /// <param name="settings">What the result follows from.</param>
    /// <param name="before">What the stages before have measured.</param>
    /// <exception cref="WhenceException">The checkpoint is damaged or another training's.</exception>
    public TrainingLoop(
        string stage, RecipeTraining training, TrainedWeights weights, string path, RecipeCheckpoint intervals, int threads, IReadOnlyDictionary<string, string> settings, IReadOnlyList<GeneratorPoint> before)
    {
        (_stage, _training, _weights, _path, _intervals, _threads, _settings) = (stage, training, weights, path, intervals, threads, settings);
        var checkpoint = GeneratorCheckpoint.Load(path, stage, weights, settings);
        _points = [.. checkpoint?.Points ?? before];
        (_done, _open) = (checkpoint?.Steps ?? 0, checkpoint?.Open ?? new());
        _saved = _done;
    }

    /// <summary>What was measured, in this stage and before.</summary>
    public IReadOnlyList<GeneratorPoint> Points => _points;

    /// <summary>Does the steps that are left.</summary>
    /// <param name="backward">Computes the loss of a step (from 0) and the gradients of the weights.</param>
    /// <param name="after">Told how many steps are done, after each; a training that goes on begins with it, so it must do the same again.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; what is done is kept.</param>
    /// <exception cref="WhenceException">The loss is not finite any more.</exception>
    public void Run(Func<long, StepLoss> backward, Action<long> after, IProgress<GeneratorProgress>? progress, CancellationToken cancellation)
    {
        TorchRuntime.Use(_threads); // also for what follows a loop that has no steps left: the last bits depend on it
        var window = Math.Max(1, _training.Steps / MostPoints);
        if (_done > 0)
        {
            After(); // it may be what was interrupted
        }

        while (_done < _training.Steps)
        {
            if (cancellation.IsCancellationRequested)
            {
                Save();
                cancellation.ThrowIfCancellationRequested();
            }

            var rate = _training.RateAt(_done);
            StepLoss loss;
            using (NewDisposeScope())
            {
                _weights.ClearGradients();
                loss = backward(_done);
            }

            var gradient = _weights.Step(_done + 1, rate, _training.AdamW);
            if (!double.IsFinite(loss.Loss) || !double.IsFinite(gradient))
            {
                throw new WhenceException(FormattableString.Invariant(
                    $"The loss became {loss.Loss} in step {_done + 1} of the {_stage}; lower '{_stage}.training.learningRate' ({_training.LearningRate}), or raise its 'warmup', and delete '{_path}'."));
            }

            _open = _open.Add(loss, gradient);
            _done++;
            if (_done % window == 0 || _done == _training.Steps)
            {
                AddPoint(rate, loss);
            }

            progress?.Report(new GeneratorProgress(_stage, _done, _training.Steps, _training.Batch, loss.Loss));
            if (_done - _saved >= _intervals.Steps || _sinceSaved.Elapsed.TotalSeconds >= _intervals.Seconds)
            {
                Save();
            }

            After();
        }

        Save(); // what follows the last step may be interrupted too
        _weights.ClearGradients();

        void After()
        {
            try
            {
                after(_done);
            }
            catch
            {
                Save();
                throw;
            }
        }
    }

    private void Save()
    {
        if (_saved < _done)
        {
            new GeneratorCheckpoint(_stage, _done, _points, _open, _weights.Layout).Save(_path, _weights, _settings);
            _saved = _done;
        }

        _sinceSaved.Restart();
    }

    private void AddPoint(double rate, StepLoss last)
    {
        var n = _open.Count;
        _points.Add(new GeneratorPoint
        {
            Stage = _stage,
            Step = _done,
            LearningRate = rate,
            Loss = _open.Loss / n,
            Gradient = _open.Gradient / n,
            Error = last.Error is null ? null : _open.Error / n,
            Divergence = last.Divergence is null ? null : _open.Divergence / n,
        });
        _open = new();
    }
}
