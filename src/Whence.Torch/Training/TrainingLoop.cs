using System.Diagnostics;
using System.Runtime.InteropServices;
using Whence.Reports;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>How far a training is.</summary>
/// <param name="Stage">What is trained: <c>autoencoder</c>, <c>unet</c> or <c>encoder</c>.</param>
/// <param name="Step">Steps of the stage that are done.</param>
/// <param name="Steps">Steps of the stage in all.</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Loss">Of the last step.</param>
public readonly record struct StepProgress(string Stage, long Step, long Steps, int Batch, double Loss);

/// <summary>The steps of one stage: the same, whatever is trained.</summary>
internal sealed class TrainingLoop
{
    private const int MostPoints = 200;

    private readonly string _stage, _key, _folder;
    private readonly RecipeTraining _training;
    private readonly RecipeCheckpoint _intervals;
    private readonly int _threads;
    private readonly TrainedWeights _weights;
    private readonly TrainingSettings _settings;
    private readonly List<LossPoint> _points;
    private LossSums _open = new();
    private long _done, _saved;
    private readonly Stopwatch _sinceSaved = Stopwatch.StartNew();

    /// <summary>Steps that begin, or go on from a checkpoint.</summary>
    /// <param name="stage">What is trained.</param>
    /// <param name="key">Of <paramref name="training"/> in the recipe, for messages.</param>
    /// <param name="training">Steps, rates, ...</param>
    /// <param name="weights">As they begin; they take the checkpoint's where there is one.</param>
    /// <param name="folder">Of the training: holds the checkpoint and the curve, <c>training.csv</c>.</param>
    /// <param name="intervals">When both are written.</param>
    /// <param name="threads">Threads of libtorch.</param>
    /// <param name="settings">What the result follows from.</param>
    /// <param name="before">What the stages before have measured.</param>
    /// <exception cref="WhenceException">The checkpoint is damaged or another training's.</exception>
    public TrainingLoop(
        string stage, string key, RecipeTraining training, TrainedWeights weights, string folder, RecipeCheckpoint intervals, int threads, TrainingSettings settings, IReadOnlyList<LossPoint> before)
    {
        (_stage, _key, _training, _weights, _folder, _intervals, _threads, _settings) = (stage, key, training, weights, folder, intervals, threads, settings);
        var checkpoint = TrainingState.Load(CheckpointPath, stage, before.Select(point => point.Stage), weights, settings);
        _points = [.. checkpoint?.Points ?? before];
        (_done, _open) = (checkpoint?.Steps ?? 0, checkpoint?.Open ?? new());
        _saved = _done;
    }

    /// <summary>Called each time before the state is written; null for nothing.</summary>
    public Action? Keeping { get; init; }

    /// <summary>Whether no stage came before: then what the folder holds besides belongs to this training's values too.</summary>
    public bool IsFirst { get; init; }

    /// <summary>What was measured, in this stage and before.</summary>
    public IReadOnlyList<LossPoint> Points => _points;

    private string CheckpointPath => Path.Combine(_folder, StateFile.CheckpointName);

    /// <summary>Does the steps that are left.</summary>
    /// <param name="backward">Computes the loss of a step (from 0) and the gradients of the weights.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; what is done is kept.</param>
    /// <param name="lookEvery">Steps from one look at what was learned to the next; 0 for none.</param>
    /// <param name="look">Told how many steps are done, all but the last ones; these are kept first, since it may take long or fail. A training that goes on from there begins with it.</param>
    /// <exception cref="WhenceException">The loss is not finite any more, or memory does not suffice.</exception>
    public void Run(Func<long, StepLoss> backward, IProgress<StepProgress>? progress, CancellationToken cancellation, int lookEvery = 0, Action<long>? look = null)
    {
        TorchRuntime.Use(_threads); // also for what follows a loop that has no steps left: the last bits depend on it
        var window = Math.Max(1, _training.Steps / MostPoints);
        if (_done > 0)
        {
            Look(); // it may be what was interrupted
        }

        while (_done < _training.Steps)
        {
            if (cancellation.IsCancellationRequested)
            {
                Save();
                cancellation.ThrowIfCancellationRequested();
            }

            var rate = _training.RateAt(_done);
            var (loss, gradient) = Step(backward, rate);
            _open = _open.Add(loss, gradient);
            _done++;
            if (_done % window == 0 || _done == _training.Steps)
            {
                AddPoint(rate, loss);
            }

            progress?.Report(new StepProgress(_stage, _done, _training.Steps, _training.Batch, loss.Loss));
            if (_done - _saved >= _intervals.Steps || _sinceSaved.Elapsed.TotalSeconds >= _intervals.Seconds)
            {
                Save();
            }

            Look();
        }

        Save(); // what follows the last step may be interrupted too
        _weights.ClearGradients();

        void Look()
        {
            if (lookEvery > 0 && _done % lookEvery == 0 && _done < _training.Steps)
            {
                Save();
                look!(_done);
            }
        }
    }

    /// <summary>What to say where libtorch fails, for which memory that does not suffice is the usual reason.</summary>
    /// <param name="e">Libtorch's.</param>
    /// <param name="when">In what, for the message.</param>
    /// <param name="remedy">What helps.</param>
    public static WhenceException Failed(ExternalException e, string when, string remedy) => new($"libtorch failed {when} ({e.Message.Split('\n')[0]}); {remedy}.", e);

    private (StepLoss Loss, double Gradient) Step(Func<long, StepLoss> backward, double rate)
    {
        // Where this stage has kept anything yet, that belongs to the old values; of the first stage the record does, too.
        var anew = _saved == 0 ? "" : IsFirst ? "; give another --out then" : $"; delete '{CheckpointPath}' then";
        try
        {
            StepLoss loss;
            using (NewDisposeScope())
            {
                _weights.ClearGradients();
                loss = backward(_done);
            }

            var gradient = _weights.Step(_done + 1, rate, _training.OptimizerOptions);
            return double.IsFinite(loss.Loss) && double.IsFinite(gradient) ? (loss, gradient) : throw new WhenceException(FormattableString.Invariant(
                $"The loss became {loss.Loss} in step {_done + 1} of the {_stage}; lower '{_key}.learningRate' ({_training.LearningRate}), or raise its 'warmup'{anew}."));
        }
        catch (ExternalException e)
        {
            throw Failed(e, $"in step {_done + 1} of the {_stage}", $"a smaller '{_key}.batch' ({_training.Batch}) takes less memory{anew}");
        }
    }

    private void Save()
    {
        if (_saved < _done)
        {
            Keeping?.Invoke();
            new TrainingState(_stage, _done, _points, _open, _weights.Layout).Save(CheckpointPath, _weights, _settings);
            LossCurve.Write(Path.Combine(_folder, "training.csv"), _points);
            _saved = _done;
        }

        _sinceSaved.Restart();
    }

    private void AddPoint(double rate, StepLoss last)
    {
        var n = _open.Count;
        _points.Add(new LossPoint
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
