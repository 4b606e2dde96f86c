import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["page/**/*.js", "lab/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-sequences": "off",
      "no-unused-expressions": ["error", { allowShortCircuit: true, allowTernary: true }],
      eqeqeq: "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-restricted-properties": ["error", { property: "innerHTML", message: "Names are text, not markup: use textContent." }],
    },
  },
  { files: ["build.mjs", "page/test/**"], languageOptions: { globals: globals.node } },
];
