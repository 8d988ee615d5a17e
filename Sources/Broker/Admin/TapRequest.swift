import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives

/// What a viewer wants to see.
struct TapRequest {
  /// Whose messages.
  var tenant: Tenant
  /// Which topics.
  var pattern: TopicPattern
  /// How many messages a second.
  var perSecond: Int
}

/// Judges topics and patterns that an operator typed, in canonical form.
enum TypedTopic {
  /// The bytes of a literal topic, or why it is none.
  static func literal(_ text: String, limits: EngineLimits) -> Result<[UInt8], AdminRefusal> {
    switch Self.levels(text, limits: limits) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let levels):
      guard !levels.contains(where: { $0.elementsEqual([0x2A]) || $0.elementsEqual([0x3E]) })
      else { return .failure(AdminRefusal(400, "a topic to publish to has no wildcards")) }
      guard levels.count <= limits.topicLevelsMax else {
        return .failure(AdminRefusal(400, "more than \(limits.topicLevelsMax) levels in a topic"))
      }
      return .success(Array(text.utf8))
    }
  }

  /// A pattern, or why it is none. A final `>` matches one or more levels.
  static func pattern(_ text: String, limits: EngineLimits) -> Result<TopicPattern, AdminRefusal> {
    switch Self.levels(text, limits: limits) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let levels):
      guard !levels.dropLast().contains(where: { $0.elementsEqual([0x3E]) }) else {
        return .failure(AdminRefusal(400, "'>' stands at the end of a pattern only"))
      }
      guard levels.count <= limits.patternLevelsMax else {
        return .failure(
          AdminRefusal(400, "more than \(limits.patternLevelsMax) levels in a pattern"))
      }
      return .success(TopicPattern(canonical: Array(text.utf8)))
    }
  }

  private static func levels(
    _ text: String, limits: EngineLimits
  ) -> Result<[Substring.UTF8View.SubSequence], AdminRefusal> {
    guard !text.isEmpty else { return .failure(AdminRefusal(400, "a topic is needed")) }
    guard text.utf8.count <= limits.topicBytesMax else {
      return .failure(AdminRefusal(400, "a topic longer than \(limits.topicBytesMax) bytes"))
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      return .failure(AdminRefusal(400, "a topic has no blanks and no control characters"))
    }
    let levels = text[...].utf8.split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard levels.allSatisfy({ !$0.isEmpty }) else {
      return .failure(
        AdminRefusal(
          400, "a topic has no empty levels; levels are joined by '.', as in sensors.kitchen"))
    }
    return .success(levels)
  }
}
