/// Strings and numbers.
extension JSONSchemaComparison {
  /// A bound that may only be raised, or be gone.
  static func upper(
    _ old: Double?, _ new: Double?, _ path: String, added: Difference.Kind,
    decreased: Difference.Kind
  ) -> [Difference] {
    guard let new else { return [] }
    guard let old else { return [Difference(kind: added, path: path)] }
    return new < old ? [Difference(kind: decreased, path: path)] : []
  }

  /// A bound that may only be lowered, or be gone.
  static func lower(
    _ old: Double?, _ new: Double?, _ path: String, added: Difference.Kind,
    increased: Difference.Kind
  ) -> [Difference] {
    guard let new else { return [] }
    guard let old else { return [Difference(kind: added, path: path)] }
    return new > old ? [Difference(kind: increased, path: path)] : []
  }

  static func compare(_ old: JSONSchema.Strings, _ new: JSONSchema.Strings) -> [Difference] {
    var found = Self.upper(
      old.maxLength, new.maxLength, "/maxLength", added: .maxLengthAdded,
      decreased: .maxLengthDecreased)
    found += Self.lower(
      old.minLength, new.minLength, "/minLength", added: .minLengthAdded,
      increased: .minLengthIncreased)
    if let pattern = new.pattern, pattern != old.pattern {
      found.append(
        Difference(
          kind: old.pattern == nil ? .patternAdded : .patternChanged, path: "/pattern"))
    }
    return found
  }

  static func compare(_ old: JSONSchema.Numbers, _ new: JSONSchema.Numbers) -> [Difference] {
    var found = Self.upper(
      old.maximum, new.maximum, "/maximum", added: .maximumAdded, decreased: .maximumDecreased)
    found += Self.lower(
      old.minimum, new.minimum, "/minimum", added: .minimumAdded, increased: .minimumIncreased)
    found += Self.upper(
      old.exclusiveMaximum, new.exclusiveMaximum, "/exclusiveMaximum",
      added: .exclusiveMaximumAdded, decreased: .exclusiveMaximumDecreased)
    found += Self.lower(
      old.exclusiveMinimum, new.exclusiveMinimum, "/exclusiveMinimum",
      added: .exclusiveMinimumAdded, increased: .exclusiveMinimumIncreased)
    if let multiple = new.multipleOf, multiple != old.multipleOf {
      found += Self.compareMultiples(old.multipleOf, multiple)
    }
    if !old.areWhole, new.areWhole { found.append(Difference(kind: .typeNarrowed, path: "")) }
    return found
  }

  private static func compareMultiples(_ old: Double?, _ new: Double) -> [Difference] {
    guard let old else { return [Difference(kind: .multipleOfAdded, path: "/multipleOf")] }
    if old != 0, Self.divides(old, new) {
      return [Difference(kind: .multipleOfExpanded, path: "/multipleOf")]
    }
    // A multiple of the old one is one of the new one, too.
    if new != 0, Self.divides(new, old) { return [] }
    return [Difference(kind: .multipleOfChanged, path: "/multipleOf")]
  }

  /// Whether a number is a whole multiple of another one, as near as numbers like 0.1 can be said.
  private static func divides(_ part: Double, _ whole: Double) -> Bool {
    let quotient = whole / part
    return quotient.isFinite && abs(quotient - quotient.rounded()) <= abs(quotient) * 1e-12
  }
}
