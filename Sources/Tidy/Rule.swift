/// One rule of the house. It reports every place that breaks it; exceptions are settled afterwards.
protocol Rule: Sendable {
  /// How exceptions name the rule.
  var name: String { get }

  func violations(in repository: Repository) -> [Violation]
}

/// Every rule that `swift run Tidy` applies.
let allRules: [any Rule] = [
  LineLength(), FileLength(), FunctionLength(), BannedCalls(), ForcedUnwraps(),
  UnprovenSendability(),
  UnownedNotes(), VagueNames(), ImportsFollowLayers(), ProtocolRegistry(),
  SectionTables(), ForeignPlaces(), ConflictMarkers(),
  CompiledSamples(),
]

/// Where `word` stands in `code` without an identifier's character before it.
func wordRanges(of word: String, in code: String) -> [Range<String.Index>] {
  var found: [Range<String.Index>] = []
  var rest = code.startIndex..<code.endIndex
  while let range = code[rest].firstRange(of: word) {
    if range.lowerBound == code.startIndex
      || !isIdentifier(code[code.index(before: range.lowerBound)])
    {
      found.append(range)
    }
    rest = range.upperBound..<code.endIndex
  }
  return found
}

func isIdentifier(_ character: Character) -> Bool {
  character.isLetter || character.isNumber || character == "_"
}
