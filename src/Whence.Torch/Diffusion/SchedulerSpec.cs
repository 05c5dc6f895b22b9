namespace Whence.Torch.Diffusion;

/// <summary>How an image is drawn out of noise, step by step.</summary>
public enum SchedulerKind
{
    /// <summary>Ho et al. 2020: the reversed Markov chain, with fresh noise at every step.</summary>
    Ddpm,

    /// <summary>Song et al. 2021: deterministic at eta 0, as random as DDPM at eta 1.</summary>
    Ddim,

    /// <summary>Liu et al. 2022: DDIM's transfer with a linear multistep of earlier predictions (PLMS), without the Runge-Kutta steps.</summary>
    Pndm,

    /// <summary>Lu et al. 2022: DPM-Solver and DPM-Solver++, multistep, of orders 1 to 3.</summary>
    DpmSolver,

    /// <summary>Karras et al. 2022, algorithm 2 without churn: Euler's steps along the noise's standard deviation.</summary>
    Euler,
}

/// <summary>What the network was trained to predict.</summary>
public enum PredictionType
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>v = sqrt(abar) noise - sqrt(1 - abar) x0 (Salimans and Ho 2022).</summary>
    Velocity,
}

/// <summary>How the variances beta_t of the noise rise over the steps of training.</summary>
public enum BetaSchedule
{
    /// <summary>Evenly from beta_start to beta_end.</summary>
    Linear,

    /// <summary>Their square roots evenly: Stable Diffusion's.</summary>
    ScaledLinear,

    /// <summary>So that abar follows a squared cosine (Nichol and Dhariwal 2021); beta_start and beta_end are not used.</summary>
    SquaredCosine,
}

/// <summary>Which of the T steps of training a sampling of n steps visits.</summary>
public enum TimestepSpacing
{
    /// <summary>Every (T / n)th from 0, plus the offset.</summary>
    Leading,

    /// <summary>Evenly from the last to the first.</summary>
    Linspace,

    /// <summary>Every (T / n)th, down from the last.</summary>
    Trailing,
}

/// <summary>Variance of the noise that DDPM adds.</summary>
public enum DdpmVariance
{
    /// <summary>The posterior's, (1 - abar_prev) / (1 - abar_t) beta_t.</summary>
    FixedSmall,

    /// <summary>beta_t.</summary>
    FixedLarge,
}

/// <summary>What DPM-Solver's multistep interpolates.</summary>
public enum DpmAlgorithm
{
    /// <summary>The predicted image (DPM-Solver++): steady under guidance.</summary>
    DpmSolverPlusPlus,

    /// <summary>The predicted noise (DPM-Solver).</summary>
    DpmSolver,
}

/// <summary>The kind of DPM-Solver's second order.</summary>
public enum DpmSolverType
{
    /// <summary>The midpoint rule.</summary>
    Midpoint,

    /// <summary>Heun's rule.</summary>
    Heun,
}

/// <summary>Where the last step of DPM-Solver ends.</summary>
public enum FinalSigma
{
    /// <summary>At the noise of the first step of training.</summary>
    SigmaMin,

    /// <summary>At none.</summary>
    Zero,
}

/// <summary>
/// The noise that a model was trained with and how it is sampled: <c>scheduler_config.json</c> of a diffusers folder. A new one is Stable Diffusion 1.x's.
/// </summary>
public sealed record SchedulerSpec
{
    /// <summary>How it is sampled. Default PNDM, Stable Diffusion 1.x's own.</summary>
    public SchedulerKind Kind { get; init; } = SchedulerKind.Pndm;

    /// <summary>Steps T of training, at least 2. Default 1000.</summary>
    public int TrainSteps { get; init; } = 1000;

    /// <summary>Default scaled linear.</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.ScaledLinear;

    /// <summary>First variance, in (0, 1). Default 0.00085.</summary>
    public double BetaStart { get; init; } = 0.00085;

    /// <summary>Last variance, in (0, 1). Default 0.012.</summary>
    public double BetaEnd { get; init; } = 0.012;

    /// <summary>T variances that take the place of the schedule; null, the default, for none.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Default epsilon.</summary>
    public PredictionType Prediction { get; init; } = PredictionType.Epsilon;

    /// <summary>Null, the default, is the kind's own: linspace for DPM-Solver and Euler, leading for the others.</summary>
    public TimestepSpacing? Spacing { get; init; }

    /// <summary>Added to the steps of leading spacing, at least 0. Default 1.</summary>
    public int StepsOffset { get; init; } = 1;

    /// <summary>Whether the step below the first one has no noise at all, or that of step 0. DDIM, PNDM. Default: that of step 0.</summary>
    public bool SetAlphaToOne { get; init; }

    /// <summary>Whether each predicted image is clipped. DDPM, DDIM; never right for latents. Default: no.</summary>
    public bool ClipSample { get; init; }

    /// <summary>Where to, above 0. Default 1.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>DDPM's noise. Default fixed small.</summary>
    public DdpmVariance Variance { get; init; } = DdpmVariance.FixedSmall;

    /// <summary>Whether PNDM goes without its Runge-Kutta steps, the only way there is here. Default: yes.</summary>
    public bool SkipPrkSteps { get; init; } = true;

    /// <summary>Order of DPM-Solver, 1 to 3. Default 2.</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>Default DPM-Solver++.</summary>
    public DpmAlgorithm Algorithm { get; init; } = DpmAlgorithm.DpmSolverPlusPlus;

    /// <summary>Default midpoint.</summary>
    public DpmSolverType SolverType { get; init; } = DpmSolverType.Midpoint;

    /// <summary>Whether DPM-Solver ends with lower orders where there are fewer than 15 steps. Default: yes.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Default sigma min.</summary>
    public FinalSigma FinalSigma { get; init; } = FinalSigma.SigmaMin;

    /// <summary>
    /// What the file says that is not known here, JSON values by their keys; <c>_class_name</c> among them for another class. The noise schedule can be used, sampling is refused where
    /// the kind would have heeded one.
    /// </summary>
    public IReadOnlyDictionary<string, string> Unsupported { get; init; } = new Dictionary<string, string>();

    /// <summary>Reads <c>scheduler_config.json</c>. Keys that are not there have the values that diffusers gives their class.</summary>
    /// <exception cref="WhenceException">The file cannot be read, is no such file, or holds a noise schedule that there is none of here.</exception>
    public static SchedulerSpec Load(string path) => SchedulerConfig.Read(path);

    /// <summary>Writes <c>scheduler_config.json</c>, the keys of this kind and of the noise.</summary>
    /// <exception cref="WhenceException">The file cannot be written.</exception>
    public void Save(string path) => SchedulerConfig.Write(path, this);

    /// <summary>
    /// The same noise sampled another way. What the other kind has for itself is kept where the file said it, and else Stable Diffusion's; the spacing of steps becomes the kind's own.
    /// </summary>
    public SchedulerSpec As(SchedulerKind kind) => kind == Kind && !Unsupported.ContainsKey(SchedulerConfig.ClassKey)
        ? this
        : this with
        {
            Kind = kind,
            Spacing = null,
            SkipPrkSteps = true,
            Unsupported = Unsupported.Where(option => SchedulerConfig.IsKnown(option.Key)).ToDictionary(),
        };

    /// <summary>The same noise sampled by DPM-Solver, with an algorithm of one's own choice.</summary>
    public SchedulerSpec As(DpmAlgorithm algorithm)
    {
        var spec = As(SchedulerKind.DpmSolver);
        return spec with { Algorithm = algorithm, Unsupported = spec.Unsupported.Where(option => option.Key != "algorithm_type").ToDictionary() };
    }

    /// <summary>Checks that it can be sampled with.</summary>
    /// <exception cref="WhenceException">The file asked for something that there is none of here.</exception>
    internal void ValidateSampling()
    {
        var refused = Unsupported.Where(option => SchedulerConfig.Matters(option.Key, Kind)).Select(option => $"{option.Key} {option.Value}").ToList();
        if (Kind == SchedulerKind.Pndm && !SkipPrkSteps && !Unsupported.ContainsKey(SchedulerConfig.ClassKey))
        {
            refused.Add("skip_prk_steps false");
        }

        if (refused.Count > 0)
        {
            throw new WhenceException(
                $"The model's scheduler_config.json asks for {string.Join(", ", refused)}, which would change the images and is not known here; choose another scheduler, such as --scheduler ddim, or correct the file.");
        }
    }

    internal void Validate()
    {
        Check(TrainSteps is >= 2 and <= 1_000_000, "num_train_timesteps", TrainSteps, "from 2 to 1000000");
        if (TrainedBetas is { } betas)
        {
            Check(betas.Count == TrainSteps, "trained_betas", $"a list of {betas.Count}", $"one for each of the {TrainSteps} steps");
            Check(betas.All(beta => beta is > 0 and < 1), "trained_betas", "out of range", "above 0 and below 1");
        }

        Check(BetaStart is > 0 and < 1, "beta_start", BetaStart, "above 0 and below 1");
        Check(BetaEnd is > 0 and < 1, "beta_end", BetaEnd, "above 0 and below 1");
        Check(StepsOffset >= 0 && StepsOffset < TrainSteps, "steps_offset", StepsOffset, $"from 0 to {TrainSteps - 1}");
        Check(ClipSampleRange is > 0 and <= double.MaxValue, "clip_sample_range", ClipSampleRange, "above 0");
        Check(SolverOrder is >= 1 and <= 3, "solver_order", SolverOrder, "1, 2 or 3");
    }

    private static void Check(bool holds, string key, object value, string needed)
    {
        if (!holds)
        {
            throw new WhenceException(FormattableString.Invariant($"{key} is {value}, but must be {needed}"));
        }
    }
}
