public import GodwitWire

/// What an admin call asked.
public struct AdminRequest: Sendable {
  /// The method, such as `GET`.
  public var method: String
  /// The path after the route's own, decoded, without a leading slash.
  public var rest: String
  /// The query's names and values, decoded, in order.
  public var query: [(name: String, value: String)]
  /// The body, at most 1 MiB.
  public var body: [UInt8]
  /// Who asks: a user's name, or what else was shown; empty where nobody is asked.
  public var who = ""
  /// The address that the request came from.
  public var address = ""

  /// A request.
  public init(
    method: String, rest: String, query: [(name: String, value: String)], body: [UInt8]
  ) {
    self.method = method
    self.rest = rest
    self.query = query
    self.body = body
  }

  /// The first value of a query's name.
  public func first(_ name: String) -> String? {
    self.query.first { $0.name == name }?.value
  }
}

/// What an admin call is answered.
public struct AdminResponse: Sendable {
  /// The HTTP status.
  public var status: Int
  /// The body.
  public var body: JSONValue

  /// An answer; 200 unless said otherwise.
  public init(_ body: JSONValue, status: Int = 200) {
    self.status = status
    self.body = body
  }
}

/// One path of the admin API.
public struct AdminRoute {
  /// The method, such as `GET`.
  public let method: String
  /// The path, such as `/connz`. With `takesRest`, everything below it too.
  public let path: String
  /// Whether paths below `path` belong to this route.
  public let takesRest: Bool
  /// One sentence, for the API's index.
  public let summary: String
  /// Answers. Runs on the loop; must not take long.
  public let answer: (AdminRequest) -> AdminResponse

  /// A path.
  public init(
    _ method: String, _ path: String, takesRest: Bool = false, summary: String,
    answer: @escaping (AdminRequest) -> AdminResponse
  ) {
    self.method = method
    self.path = path
    self.takesRest = takesRest
    self.summary = summary
    self.answer = answer
  }
}
