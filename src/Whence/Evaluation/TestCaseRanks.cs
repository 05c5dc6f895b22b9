namespace Whence.Evaluation;

/// <summary>Where a query's own exemplars stand.</summary>
/// <param name="Model">Number of the model that made the query.</param>
/// <param name="Ranks">
/// Per exemplar of the model its rank from 1 among the distractors and the model's own exemplars. It stands behind every distractor of equal
/// similarity, and of two exemplars of equal similarity the earlier one comes first.
/// </param>
/// <param name="Sorted">The same, ascending.</param>
public sealed record QueryRanks(int Model, long[] Ranks, long[] Sorted);

/// <summary>The queries of a test case that were made with prompts of one type.</summary>
/// <param name="Type">Type of the prompts.</param>
/// <param name="Queries">In the file's order, at least one.</param>
/// <param name="Paths">Per query the path of its image; null where the file did not say.</param>
public sealed record PromptRanks(string Type, IReadOnlyList<QueryRanks> Queries, IReadOnlyList<string>? Paths);

/// <summary>All that an evaluation measures of a test case; everything else follows from it.</summary>
/// <param name="Name">The test case.</param>
/// <param name="Exemplars">Per model its number of exemplars n, at least 1.</param>
/// <param name="Prompts">The queries by type of prompts.</param>
public sealed record TestCaseRanks(string Name, IReadOnlyList<int> Exemplars, IReadOnlyList<PromptRanks> Prompts);
