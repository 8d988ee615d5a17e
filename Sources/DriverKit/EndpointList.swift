/// The servers that a link tries, one after the other.
struct EndpointList {
  /// The most servers that are learnt.
  static let learntMax = 256

  private let configured: [Endpoint]
  private var learnt: [Endpoint] = []
  private var last = -1

  /// How many there are.
  var count: Int { self.configured.count + self.learnt.count }

  init(_ endpoints: [Endpoint], keepsOrder: Bool) {
    self.configured = keepsOrder ? endpoints : endpoints.shuffled()
  }

  /// The next one to try; `nil` where there is none at all.
  mutating func next() -> Endpoint? {
    guard self.count > 0 else { return nil }
    self.last = (self.last + 1) % self.count
    return self.last < self.configured.count
      ? self.configured[self.last] : self.learnt[self.last - self.configured.count]
  }

  /// Takes what a server knows in place of what another knew.
  mutating func learn(_ endpoints: [Endpoint]) {
    var new: [Endpoint] = []
    for endpoint in endpoints.shuffled() where new.count < Self.learntMax {
      let isKnown = (self.configured + new).contains {
        $0.host == endpoint.host && $0.port == endpoint.port
      }
      if !isKnown { new.append(endpoint) }
    }
    self.learnt = new
  }
}
