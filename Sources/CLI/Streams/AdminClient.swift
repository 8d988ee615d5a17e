import Foundation
import GodwitWire
import NIOCore
import NIOPosix

/// Asks the admin server of a broker: HTTP/1.1, a connection for each request.
struct AdminClient: Sendable {
  /// An answer longer than this is not waited for.
  private static let answerBytesMax = 64 << 20

  let host: String
  let port: Int
  /// The value of the `Authorization` header; `nil` for none.
  var authorization: String?
  var timeoutSeconds = 10.0

  /// - Parameter address: `host:port`, perhaps behind `http://`.
  init(_ address: String) throws(ClientError) {
    var rest = Substring(address)
    if rest.hasPrefix("http://") { rest = rest.dropFirst("http://".count) }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard let colon = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
      (1...65_535).contains(port), colon > rest.startIndex
    else { throw ClientError("`\(address)` is no address of an admin server: host:port") }
    var host = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.host = String(host)
    self.port = port
  }

  /// Asks, and answers with the JSON of an answer of status 200 or 202.
  func ask(
    _ method: String, _ path: String, _ document: JSONValue? = nil
  ) async throws -> JSONValue {
    let (status, body) = try await self.exchange(method, path, document?.encoded ?? [])
    let json = try? body.withUnsafeReadableBytes { try JSONValue(parsing: $0) }
    guard status == 200 || status == 202, let json else {
      if status == 401 { throw ClientError("the admin server wants to know who asks") }
      let sentence = json?["error"]?.string ?? "the admin server answers \(status)"
      throw ClientError(sentence)
    }
    return json
  }

  private var requestHost: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  private func exchange(
    _ method: String, _ path: String, _ document: [UInt8]
  ) async throws -> (status: Int, body: ByteBuffer) {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(self.requestHost)\r\n"
    head += "Connection: close\r\nX-Godwit-Admin: 1\r\n"
    head += "Content-Length: \(document.count)\r\n"
    if !document.isEmpty { head += "Content-Type: application/json\r\n" }
    if let authorization { head += "Authorization: \(authorization)\r\n" }
    var request = ByteBuffer(string: head + "\r\n")
    request.writeBytes(document)
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    do {
      channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(.milliseconds(Int64(self.timeoutSeconds * 1_000)))
        .connect(host: self.host, port: self.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw ClientError("nobody answers at \(self.requestHost): is the broker running?")
    }
    // Who does not answer is given up by closing the connection.
    let limit = channel.channel.eventLoop.scheduleTask(
      in: .milliseconds(Int64(self.timeoutSeconds * 1_000))
    ) {
      channel.channel.close(promise: nil)
    }
    defer { limit.cancel() }
    let answer = try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(request)
      var answer = ByteBuffer()
      for try await chunk in inbound {
        guard answer.readableBytes + chunk.readableBytes <= Self.answerBytesMax else {
          throw ClientError("the answer of the admin server is too long")
        }
        answer.writeImmutableBuffer(chunk)
        if Self.isWhole(answer) { break }
      }
      return answer
    }
    return try Self.parse(answer)
  }

  private static func split(_ answer: ByteBuffer) -> (head: [Substring], bodyStart: Int)? {
    let view = answer.readableBytesView
    guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let head = String(decoding: view[..<end.lowerBound], as: UTF8.self)
    return (head.split(separator: "\r\n"), view.distance(from: view.startIndex, to: end.upperBound))
  }

  private static func contentLength(_ head: [Substring]) -> Int? {
    let name = "content-length:"
    return head.first { $0.lowercased().hasPrefix(name) }
      .flatMap { Int($0.dropFirst(name.count).trimmingCharacters(in: .whitespaces)) }
  }

  private static func isWhole(_ answer: ByteBuffer) -> Bool {
    guard let (head, start) = Self.split(answer), let length = Self.contentLength(head) else {
      return false
    }
    return answer.readableBytes - start >= length
  }

  private static func parse(
    _ answer: ByteBuffer
  ) throws(ClientError) -> (status: Int, body: ByteBuffer) {
    guard let (head, start) = Self.split(answer), let first = head.first,
      first.hasPrefix("HTTP/1."), let status = first.split(separator: " ").dropFirst().first,
      let code = Int(status)
    else { throw ClientError("what answers is no admin server, or it broke off") }
    let rest = answer.readableBytes - start
    let length = min(rest, max(0, Self.contentLength(head) ?? rest))
    return (
      code, answer.getSlice(at: answer.readerIndex + start, length: length) ?? ByteBuffer()
    )
  }
}
