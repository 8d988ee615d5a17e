/// Schemas that were read lately, by their ids, so that a subject with many versions is not read
/// anew for each comparison.
struct ParsedSchemas: Sendable {
  private static let bytesMax = 4 << 20
  private var byID: [Int: ParsedSchema] = [:]
  private var bytes = 0

  subscript(id: Int) -> ParsedSchema? { self.byID[id] }

  mutating func keep(_ schema: ParsedSchema, _ id: Int, bytes: Int) {
    if self.bytes + bytes > Self.bytesMax {
      self.byID = [:]
      self.bytes = 0
    }
    guard bytes <= Self.bytesMax else { return }
    if self.byID.updateValue(schema, forKey: id) == nil { self.bytes += bytes }
  }

  mutating func forget(_ id: Int) { self.byID[id] = nil }
}
