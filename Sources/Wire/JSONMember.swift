/// A member of a JSON object whose value is left as it stands in the text.
public struct JSONMember: Hashable, Sendable {
  /// The member's name, unescaped.
  public var name: String
  /// Where the value is, without white space around it.
  public var range: Range<Int>

  /// The members of the object that a text is, in their order.
  ///
  /// What is inside a value is only walked over, to find its end; who reads it checks it.
  ///
  /// - Throws: `JSONError` when the text is no object or breaks a limit. `valuesMax` bounds the
  ///   members.
  public static func all(
    of text: [UInt8], limits: JSONLimits = .defaults
  ) throws(JSONError) -> [Self] {
    let result = text.withUnsafeBytes { raw -> Result<[Self], JSONError> in
      do throws(JSONError) {
        var reader = JSONReader(raw, limits: limits)
        return .success(try reader.members())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
