using Whence.Datasets.Abc;
using Whence.Tests.Datasets.Abc;
using Whence.Tests.Evaluation;
using Whence.Torch.Abc;

namespace Whence.Tests.Torch.Abc;

/// <summary>What is measured of the models of a data set, and by what.</summary>
public sealed class AbcMeasuringTests : AbcBuilding
{
    [Fact]
    public void Models_that_fail_the_check_are_in_no_list_but_counted_and_in_the_manifest()
    {
        Builder("all").Build(cancellation: TestContext.Current.CancellationToken);
        Change("\"shows\": -2, \"obeys\": 0", "\"shows\": 2, \"obeys\": 0, \"copySimilarity\": -1, \"copyPixels\": 1");
        var made = 0;
        Builder("all").Build(progress: new Listener<AbcProgress>(p => made = p.Made), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(0, made); // thresholds judge, they make nothing anew
        Assert.Equal("[]", File.ReadAllText(Temp["all/test_things.json"]));
        var (plan, outcome) = (AbcFixture.Plan(Recipe), AbcOutcome.Load(Temp["all"])!);
        Assert.Equal(plan.Models.Select(m => m.Id), outcome.Dropped.Select(d => d.Id));
        Assert.All(outcome.Dropped, d => Assert.Equal([AbcFault.Concept], d.Faults));
        Assert.Equal((plan.Models.Count, plan.Models.Sum(m => m.Samples.Count)), (outcome.Checked, outcome.Copies));
        var manifest = File.ReadAllText(Temp["all/manifest.json"]);
        Assert.Equal((2 * plan.Models.Count, outcome.Copies), (manifest.Split("\"faults\": [").Length - 1, manifest.Split("\"copy\": true").Length - 1)); // in the outcome too

        Builder("strict").Build(cancellation: TestContext.Current.CancellationToken);
        AssertSame("strict", "all");
    }

    [Fact]
    public void By_other_encoders_what_is_there_is_measured_anew_and_nothing_is_drawn()
    {
        Builder("first").Build(cancellation: TestContext.Current.CancellationToken);
        var drawn = Directory.GetFiles(Temp["first"], "*.png", SearchOption.AllDirectories).ToDictionary(file => file, File.GetLastWriteTimeUtc);
        Change("\"styleEncoder\": \"pixels\"", "\"styleEncoder\": \"resnet18-style\"");
        Builder("first").Build(cancellation: TestContext.Current.CancellationToken);
        Assert.All(drawn, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));
        Builder("second").Build(cancellation: TestContext.Current.CancellationToken);
        AssertSame("second", "first");

        // Interrupted, nobody knows by what each model was measured: all are again, by whatever encoders.
        Change("\"styleEncoder\": \"resnet18-style\"", "\"styleEncoder\": \"pixels\"");
        Assert.Throws<OperationCanceledException>(() => Builder("first").Build(cancellation: new CancellationToken(canceled: true)));
        Change("\"styleEncoder\": \"pixels\"", "\"styleEncoder\": \"resnet18-style\"");
        Assert.False(File.Exists(Temp["first/manifest.json"]) || File.Exists(Temp["first/test_things.json"])); // what they said is not true any more
        Assert.Contains("was interrupted", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["first"]], Temp["joined"])).Message);
        var record = Temp["first/models/looks-0000/model.json"];
        var measured = File.ReadAllText(record);
        File.WriteAllText(record, System.Text.RegularExpressions.Regex.Replace(measured, "\"uncustomized\": [^,]*,", "\"uncustomized\": 0.1,"));
        Assert.NotEqual(measured, File.ReadAllText(record));
        Builder("first").Build(cancellation: TestContext.Current.CancellationToken);
        AssertSame("second", "first");
    }

    [Theory]
    [InlineData("\"seed\": ", "\"seed\": 1")]
    [InlineData("\"before\": [", "\"befores\": [")]
    [InlineData("before/gpt-000.png", "before/gpt-001.png")]
    public void A_record_of_other_pictures_is_not_measured_anew(string old, string changed)
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        var record = Temp["out/models/things-0000/model.json"];
        File.WriteAllText(record, File.ReadAllText(record).Replace(old, changed));
        Change("\"styleEncoder\": \"pixels\"", "\"styleEncoder\": \"resnet18-style\"");
        var message = Assert.Throws<WhenceException>(() => Builder("out").Build()).Message;
        Assert.Contains("elete the folder", message);
        Assert.Contains("models/things-0000", message);
    }

    [Fact]
    public void Parts_that_were_measured_by_other_encoders_are_not_joined()
    {
        Builder("a").Build(0, 2, cancellation: TestContext.Current.CancellationToken);
        Change("\"styleEncoder\": \"pixels\"", "\"styleEncoder\": \"resnet18-style\"");
        Builder("b").Build(1, 2, cancellation: TestContext.Current.CancellationToken);
        Assert.Contains("encoders or thresholds", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["a"], Temp["b"]], Temp["c"])).Message);
    }

    [Fact]
    public void A_check_changes_nothing_of_what_is_drawn()
    {
        Builder("checked").Build(cancellation: TestContext.Current.CancellationToken);
        Change("\"check\": { \"encoder\": \"pixels\", \"styleEncoder\": \"pixels\", \"shows\": -2, \"obeys\": 0 }", "\"check\": null");
        Builder("unchecked").Build(cancellation: TestContext.Current.CancellationToken);
        Builder("unchecked").Build(cancellation: TestContext.Current.CancellationToken);
        Assert.Null(AbcOutcome.Load(Temp["unchecked"]));
        Assert.Null(AbcRecord.Load(Temp["unchecked"], "things-0000").Check);
        Assert.NotNull(AbcRecord.Load(Temp["checked"], "things-0000").Check);
        var (with, without) = (Files("checked"), Files("unchecked"));
        Assert.All(with.Where(file => file.Key.EndsWith(".png", StringComparison.Ordinal) && !file.Key.Contains("before", StringComparison.Ordinal)), file => Assert.Equal(file.Value, without[file.Key]));
        Assert.DoesNotContain(without.Keys, file => file.Contains("before", StringComparison.Ordinal));
    }
}
