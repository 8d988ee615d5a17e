// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "examples",
  dependencies: [.package(name: "godwit", path: "..")],
  targets: [
    .executableTarget(
      name: "Hello",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
      ]),
    .executableTarget(
      name: "Events",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitMessagePack", package: "godwit"),
      ]),
    .executableTarget(
      name: "Moving",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ]),
    .executableTarget(
      name: "Orders",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
