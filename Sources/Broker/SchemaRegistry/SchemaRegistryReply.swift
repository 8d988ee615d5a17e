import GodwitWire
import NIOCore
import NIOHTTP1
import SchemaRegistryWire

/// The registry's requests and answers in HTTP.
extension RegistryRequest {
  /// A request; `nil` when its path or query is not well-formed.
  init?(_ head: HTTPRequestHead, _ body: ByteBuffer) {
    let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var path: [String] = []
    for part in (parts.first ?? "").split(separator: "/") {
      // A subject may have a slash in its name, as `%2F`: what is decoded is a part of its own.
      guard let text = PercentCoding.decode(part, plusIsSpace: false) else { return nil }
      path.append(text)
    }
    guard let query = PercentCoding.query(parts.count > 1 ? parts[1] : "") else { return nil }
    self.init(head.method.rawValue, path, query: query, body: Array(body.readableBytesView))
  }

  /// What the registry calls its JSON, and what else clients send it as.
  private static let mediaTypes = [
    "application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json",
    "application/json", "application/octet-stream",
  ]

  /// Whether a body may be of this type. None of them can be sent by a form of another site.
  static func takes(contentType: String?) -> Bool {
    guard let contentType else { return false }
    let essence = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    return Self.mediaTypes.contains(essence)
  }

  /// What an answer is called to a client that accepts `accept`.
  static func mediaType(accepted accept: String?) -> String {
    let accept = accept?.lowercased() ?? ""
    return Self.mediaTypes.dropLast().first { accept.contains($0) } ?? Self.mediaTypes[0]
  }
}

extension AdminReply {
  /// An answer of the registry.
  init(_ result: Result<RegistryAnswer.Body, RegistryError>, accepted: String?) {
    let bytes: ByteBuffer
    var status = HTTPResponseStatus.ok
    switch result {
    case .success(.json(let json)): bytes = ByteBuffer(bytes: json.encoded)
    case .success(.text(let text)): bytes = ByteBuffer(string: text)
    case .failure(let error):
      bytes = ByteBuffer(bytes: error.body.encoded)
      status = HTTPResponseStatus(statusCode: error.status)
    }
    self.init(contentType: RegistryRequest.mediaType(accepted: accepted), text: "")
    self.body = bytes
    self.status = status
  }
}
