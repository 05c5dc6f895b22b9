using Whence.Datasets.Abc;

namespace Whence.Tests.Datasets.Abc;

public sealed class AbcPlanTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_plan_has_the_models_that_the_recipe_asks_for_with_prompts_of_their_split()
    {
        var plan = AbcFixture.Plan(AbcFixture.Write(_temp.Path));
        Assert.Equal(
            [AbcSplit.Train, AbcSplit.Train, AbcSplit.Validation, AbcSplit.Test, AbcSplit.Unobserved, AbcSplit.Train, AbcSplit.Test],
            plan.Models.Select(m => m.Split));
        Assert.Equal(["things-0000", "things-0001", "things-0002", "things-0003", "things-0004", "looks-0000", "looks-0001"], plan.Models.Select(m => m.Id));
        var (train, test, style) = (plan.Models[0], plan.Models[3], plan.Models[5]);
        Assert.Equal($"<new1> {train.Category}", train.Prompt);
        Assert.Equal([("gpt", 4), ("media", 4)], train.Samples.GroupBy(s => s.Type).Select(g => (g.Key, g.Count())));
        Assert.Equal([("gpt", 2), ("media", 2)], test.Samples.GroupBy(s => s.Type).Select(g => (g.Key, g.Count())));
        Assert.All(test.Samples, s => Assert.Matches("three|wood", s.Prompt));
        Assert.Equal("<new1> art", style.Prompt);
        Assert.Equal(["gpt", "object"], style.Samples.Select(s => s.Type).Distinct());
        Assert.InRange(style.Exemplars.Count, 2, 3);
        var seeds = plan.Models.SelectMany(m => m.Samples).Select(s => s.Seed).ToArray();
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
    }

    [Fact]
    public void A_set_may_draw_other_numbers_of_prompts_and_put_things_into_words_of_its_own()
    {
        var plan = AbcFixture.Plan(AbcFixture.Write(_temp.Path, text => text.Replace(
            "\"prompt\": \"<new1> art\"", "\"objectPrompt\": \"{object} by <new1>\", \"draws\": { \"train\": { \"captions\": 2, \"procedural\": 1 }, \"test\": { \"captions\": 1, \"procedural\": 2 } }")));
        Assert.Equal([("gpt", 4), ("object", 2)], Types(plan.Models[5]));
        Assert.Equal([("gpt", 2), ("object", 4)], Types(plan.Models[6]));
        Assert.Equal(["tree by <new1>", "tree again by <new1>"], plan.Models[6].Samples.Where(s => s.Type == "object").Select(s => s.Prompt).Distinct());
        Assert.Equal([("gpt", 4), ("media", 4)], Types(plan.Models[0]));

        static IEnumerable<(string, int)> Types(AbcModel model) => model.Samples.CountBy(s => s.Type).Select(type => (type.Key, type.Value));
    }

    [Fact]
    public void A_plan_follows_from_the_recipe_wherever_its_files_lie()
    {
        using var other = new TempFolder();
        var (here, there) = (AbcFixture.Plan(AbcFixture.Write(_temp.Path)), AbcFixture.Plan(AbcFixture.Write(other.Path)));
        Assert.Equal(AbcFolder.Sha256(here), AbcFolder.Sha256(there));
        File.WriteAllText(other["prompts/mediums.txt"], File.ReadAllText(other["prompts/mediums.txt"]).Replace("wood", "stone"));
        Assert.NotEqual(AbcFolder.Sha256(here), AbcFolder.Sha256(AbcFixture.Plan(other["recipe.json"])));
    }

    [Fact]
    public void Each_sample_knows_its_prompt_without_the_concept()
    {
        var plan = AbcFixture.Plan(AbcFixture.Write(_temp.Path));
        Assert.All(plan.Models.SelectMany(m => m.Samples), s => Assert.Equal(s.Prompt.Replace("<new1> ", ""), s.Plain));
    }

    [Fact]
    public void The_word_that_the_concept_begins_as_stands_for_it_in_what_is_drawn_before()
    {
        var plan = AbcFixture.Plan(AbcFixture.Write(_temp.Path, text => text.Replace("\"augment\": false", "\"augment\": false, \"initializer\": \"a\"")));
        Assert.All(plan.Models.SelectMany(m => m.Samples), s => Assert.Equal(s.Prompt.Replace("<new1>", "a"), s.Plain));
    }

    [Fact]
    public void Exemplars_of_a_style_may_each_be_trained_with_what_they_show()
    {
        var plan = AbcFixture.Plan(AbcFixture.Write(_temp.Path, text => text.Replace("\"prompt\": \"<new1> art\"", "\"category\": \"kind\", \"prompt\": \"a {category}, <new1> style\"")));
        foreach (var model in plan.Models)
        {
            var style = model.Kind == AbcKind.StyleCentric;
            Assert.Equal(style ? null : model.Exemplars[0].Category, model.Category);
            Assert.Equal(style ? "a {category}, <new1> style" : $"<new1> {model.Category}", model.Prompt);
            Assert.Equal(model.Exemplars.Select(e => style ? $"a {e.Category}, <new1> style" : $"<new1> {e.Category}"), model.ExemplarPrompts);
            Assert.All(model.Exemplars, e => Assert.StartsWith("kind", e.Category));
        }
    }

    [Fact]
    public void A_category_may_have_brackets_and_a_sound_of_its_own()
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace("\"augment\": false", "\"augment\": false, \"initializer\": \"a\"").Replace("\"prompt\": \"<new1> art\"", "\"category\": \"kind\", \"prompt\": \"a {category}, <new1> style\""));
        File.WriteAllText(_temp["about.csv"], System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(_temp["about.csv"]), ",kind(.),", ",apple <$1>,"));
        var plan = AbcFixture.Plan(recipe);
        Assert.Equal([$"<new1> {plan.Models[0].Category}"], plan.Models[0].ExemplarPrompts);
        Assert.All(plan.Models[5].ExemplarPrompts, prompt => Assert.Matches("^an apple <.>, <new1> style$", prompt));
        Assert.StartsWith("an apple <", plan.Models[0].Samples[0].Plain, StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_has_the_exemplars_splits_and_sizes_of_customized_models_and_captions_for_prompts()
    {
        var recipe = AbcFixture.Write(_temp.Path, AbcFixture.WithBaseline);
        var plan = AbcFixture.Plan(recipe);
        Assert.Equal(["things-baseline-0000", "things-baseline-0002", "things-baseline-0003", "things-baseline-0004", "looks-baseline-0000", "looks-baseline-0001"], plan.Models.Skip(7).Select(m => m.Id));
        foreach (var model in plan.Models.Skip(7))
        {
            var compared = plan.Models.Single(m => m.Id == model.Id.Replace("-baseline", ""));
            Assert.Null(model.Prompt);
            Assert.Equal((compared.Split, compared.Category, compared.Samples.Count), (model.Split, model.Category, model.Samples.Count));
            Assert.Equal(compared.Exemplars, model.Exemplars);
            Assert.All(model.Samples.Index(), s => Assert.Equal(new AbcSample("caption", model.Exemplars[s.Index % model.Exemplars.Count].Caption!, s.Item.Seed), s.Item));
        }

        var seeds = plan.Models.SelectMany(m => m.Samples).Select(s => s.Seed).ToArray();
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
        var all = File.ReadAllText(recipe);
        File.WriteAllText(recipe, all.Replace("\"most\": 1", "\"splits\": [\"train\", \"unobserved\"]"));
        Assert.Equal(["things-baseline-0000", "things-baseline-0001", "things-baseline-0004", "looks-baseline-0000"], AbcFixture.Plan(recipe).Models.Skip(7).Select(m => m.Id));
        File.WriteAllText(recipe, all.Replace("\"most\": 1", "\"most\": 1, \"instead\": true"));
        Assert.Equal(plan.Models.Skip(7).SelectMany(m => m.Samples), AbcFixture.Plan(recipe).Models.SelectMany(m => m.Samples));
        File.WriteAllText(recipe, File.ReadAllText(recipe).Replace("\"most\": 1, ", ""));
        Assert.Equal(7, AbcFixture.Plan(recipe).Models.Count);
    }

    [Fact]
    public void An_exemplar_of_a_baseline_without_a_caption_is_named()
    {
        var recipe = AbcFixture.Write(_temp.Path, AbcFixture.WithBaseline);
        File.WriteAllText(_temp["captions.csv"], "file,caption\n");
        Assert.Matches(@"exemplars have no caption.*\d+\.png.*baseline\.captions", Assert.Throws<WhenceException>(() => AbcFixture.Plan(recipe)).Message);
    }

    [Fact]
    public void A_set_may_not_be_called_as_the_baseline_of_another()
    {
        var recipe = AbcFixture.Write(_temp.Path, text => AbcFixture.WithBaseline(text).Replace("\"name\": \"looks\"", "\"name\": \"things-baseline\""));
        Assert.Contains("another's baseline", Assert.Throws<WhenceException>(() => AbcFixture.Plan(recipe)).Message);
    }

    [Theory]
    [InlineData("\"encoder\": \"pixels\"", "\"encoder\": \"mine/pixels.json\"", "'check.encoder'")]
    [InlineData("\"styleEncoder\": \"pixels\"", "\"styleEncoder\": \"\"", "'check.styleEncoder'")]
    [InlineData("\"shows\": -2", "\"shows\": 3", "'check.shows' is 3")]
    [InlineData("\"obeys\": 0", "\"obeys\": 1.5", "'check.obeys' is 1.5")]
    [InlineData("\"obeys\": 0", "\"obeys\": 0, \"samples\": 0", "'check.samples' is 0")]
    [InlineData("\"check\":", "\"baseline\": { \"most\": 0 }, \"check\":", "'baseline.most' is 0")]
    [InlineData("\"check\":", "\"baseline\": { \"splits\": [] }, \"check\":", "'baseline.splits' is empty")]
    [InlineData("\"check\":", "\"baseline\": { \"splits\": [\"testing\"] }, \"check\":", "splits")]
    [InlineData("\"kind\": \"object\"", "\"kind\": \"thing\"", "kind")]
    [InlineData("\"category\": \"kind\", ", "", "'sets[0].category' is missing")]
    [InlineData("\"category\": \"kind\"", "\"category\": \"what\"", "no metadata column 'what'")]
    [InlineData("\"where\": \"family != 'c'\", ", "\"where\": \"familiy = 'c'\", ", "no metadata column 'familiy'")]
    [InlineData("\"name\": \"looks\"", "\"name\": \"Things\"", "two of one name")]
    [InlineData("\"name\": \"looks\"", "\"name\": \"../looks\"", "letters, digits and hyphens")]
    [InlineData("\"train\": 2", "\"train\": -1", "'sets[0].models.train' is -1")]
    [InlineData("\"train\": 2", "\"train\": 200", "asks for")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"prompt\": \"<new1> {category}\"", "'sets[1].prompt'")]
    [InlineData("\"leastExemplars\": 2", "\"leastExemplars\": 5", "'sets[1].mostExemplars' is 3")]
    [InlineData("\"each\": 2", "\"each\": 0", "'sampling.each' is 0")]
    [InlineData("\"steps\": 3", "\"steps\": 0", "'customization.steps' is 0")]
    [InlineData("\"trainPrompts\": 2", "\"trainPrompts\": 3", "3 are wanted")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"objectPrompt\": \"<new1> of a thing\"", "'sets[1].objectPrompt'")]
    [InlineData("\"category\": \"kind\"", "\"category\": \"kind\", \"objectPrompt\": \"<new1> {object}\"", "'sets[0].objectPrompt'")]
    [InlineData("\"category\": \"kind\"", "\"category\": \"kind\", \"allExemplars\": true", "'sets[0].allExemplars' is of styles only")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"category\": \"kind\"", "'sets[1].category' is of no use")]
    [InlineData("\"augment\": false", "\"initializer\": \" \"", "'customization.initializer' is empty")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"class\": \"kind\"", "'sets[1].class' is of objects only")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"draws\": { \"test\": { \"captions\": 1, \"procedural\": 0 } }", "'sets[1].draws.test.procedural' is 0")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"draws\": { \"test\": { \"captions\": 1 } }", "the key 'procedural' is missing in 'sets[1].draws.test'")]
    [InlineData("\"prompt\": \"<new1> art\"", "\"draws\": { \"train\": { \"captions\": 3, \"procedural\": 1 } }", "3 are wanted")]
    [InlineData("\"model\": \"base\"", "\"model\": \" \"", "'model' is empty")]
    [InlineData("\"seed\": 4", "\"seed\": 4, \"threads\": 0", "'threads' is 0, it must be from 1 to 1024")]
    public void What_cannot_be_is_refused_by_its_key(string old, string changed, string message)
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace(old, changed));
        Assert.Contains(message, Assert.Throws<WhenceException>(() => AbcFixture.Plan(recipe)).Message);
    }
}
