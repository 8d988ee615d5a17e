/// Colours for a terminal; without colours the text stays as it is.
struct TextStyle: Hashable, Sendable {
  /// What a piece of text is.
  enum Role: String, Hashable, Sendable {
    case quiet = "2"
    case strong = "1"
    case topic = "1;36"
    case good = "32"
    case bad = "31"
    case bar = "36"
  }

  /// Whether to use colours.
  var hasColours: Bool

  /// The text in the colours of its role.
  func callAsFunction(_ role: Role, _ text: String) -> String {
    self.hasColours ? "\u{1B}[\(role.rawValue)m\(text)\u{1B}[0m" : text
  }
}
