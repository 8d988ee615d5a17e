import KafkaWire
import NIOCore

/// One request that is being answered. Answers go out in the order of the requests, whatever
/// becomes ready first.
final class KafkaCall {
  let header: KafkaRequestHeader
  /// How large the request was, in bytes.
  let size: Int
  /// What is to be sent; `nil` while it is not known. Empty for a request without response.
  private(set) var pieces: [ByteBuffer]?
  /// Who asked; `nil` once the connection is gone.
  weak var session: KafkaSession?

  /// Records beyond this size are sent from where they are.
  private static let gathersFrom = 32 << 10

  init(_ header: KafkaRequestHeader, size: Int, session: KafkaSession) {
    self.header = header
    self.size = size
    self.session = session
  }

  /// Answers, once.
  func answer<A: KafkaAPI>(_: A.Type, _ response: A.Response, version: Int16? = nil) {
    guard pieces == nil, let session else { return }
    do throws(KafkaWireError) {
      pieces = try A.encodePieces(
        response, correlationID: header.correlationID, version: version ?? header.version,
        gathersFrom: Self.gathersFrom)
      session.flushAnswers()
    } catch {
      session.fail(error)
    }
  }

  /// Says that there will be no response.
  func answerNothing() {
    guard pieces == nil else { return }
    pieces = []
    session?.flushAnswers()
  }
}
