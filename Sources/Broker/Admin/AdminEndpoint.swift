import GodwitFrontEndKit

/// What stands behind one path and method of the admin server.
struct AdminEndpoint {
  /// How it answers.
  enum Kind {
    /// JSON.
    case json((AdminRequest) -> AdminResponse)
    /// JSON that is not at hand at once: what is called with it is called once, on the loop.
    case later((AdminRequest, @escaping (AdminResponse) -> Void) -> Void)
    /// Something else.
    case reply((AdminRequest) -> AdminReply)
    /// A stream of events; the tap is made for the stream it is given, or refused.
    case tap((AdminRequest) -> Result<TapRequest, AdminRefusal>)
  }

  var method: String
  var path: String
  var takesRest = false
  var summary: String
  /// Query parameters, for the API's index.
  var parameters: [String] = []
  var kind: Kind
  /// Whether it changes nothing; what does is written down.
  var isReading: Bool { self.method == "GET" }

  init(
    _ method: String, _ path: String, takesRest: Bool = false, parameters: [String] = [],
    _ summary: String, _ kind: Kind
  ) {
    self.method = method
    self.path = path
    self.takesRest = takesRest
    self.parameters = parameters
    self.summary = summary
    self.kind = kind
  }

  /// A path that a protocol contributes.
  init(_ route: AdminRoute) {
    self.init(
      route.method, route.path, takesRest: route.takesRest, route.summary, .json(route.answer))
  }
}

/// Why a request is not answered as it wished.
struct AdminRefusal: Error {
  var status: Int
  var sentence: String

  init(_ status: Int, _ sentence: String) {
    self.status = status
    self.sentence = sentence
  }
}
