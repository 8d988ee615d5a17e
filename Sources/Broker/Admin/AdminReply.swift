import GodwitFrontEndKit
import GodwitWire
import NIOCore
import NIOHTTP1

/// A finished answer of the admin server, of any content type.
struct AdminReply {
  var status: HTTPResponseStatus
  var contentType: String
  var body: ByteBuffer
  /// Headers beyond those that every answer has.
  var headers: [(name: String, value: String)] = []
  /// Whether the connection ends with this answer.
  var closes = false

  /// JSON, with a line's end for people at a terminal.
  init(_ response: AdminResponse) {
    self.status = HTTPResponseStatus(statusCode: response.status)
    self.contentType = "application/json"
    self.body = ByteBuffer(bytes: response.body.encoded)
    self.body.writeInteger(UInt8(ascii: "\n"))
  }

  /// Text of any kind.
  init(contentType: String, text: String) {
    self.status = .ok
    self.contentType = contentType
    self.body = ByteBuffer(string: text)
  }

  /// A refusal as JSON.
  static func refusal(_ status: Int, _ sentence: String, closes: Bool = false) -> AdminReply {
    var reply = AdminReply(AdminResponse.refusal(status, sentence))
    reply.closes = closes
    return reply
  }
}
