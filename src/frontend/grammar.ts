/**
 * The grammar of Weft, in ohm notation, without actions. Rules with a capital skip blanks, the others do not.
 *
 * Comments are blanked out before parsing (source-text.ts), because `//` is also integer division and what tells the two
 * apart is the text before it. A bracket that applies to what precedes it must stand on the same line: `#openBracket`,
 * where `#` turns off the skipping of blanks and line ends.
 *
 * Rules with a parameter `P` exist twice: `X[i] else 0` reads outside of X, but in `if c then X[i] else 0` the `else` belongs to
 * the `if`. Inside `then … else` the operand is therefore `OperandPlain`; parentheses restore `Operand`.
 *
 * `reserved` is grouped by first letter only because it is tried at every name.
 */
export const grammarText = String.raw`
Weft {
  File = Item*
  Item = Import | Declaration
  Import = use importPath ":" NonemptyListOf<name, ",">
  importPath = importPart ("/" importPart)*
  importPart = ".." | "." | (identifierPart | "-")+

  Declaration = Function | Module | Preset | Extern
  Function = fn name Generics? Parameters "->" Results Body
  Entry = entry name Generics? Parameters "->" Results Body
  Generics = "<" NonemptyListOf<Generic, ","> ">"
  Generic = batch name -- batch
          | name       -- plain
  Parameters = "(" ListOf<Parameter, ","> ","? ")"
  Parameter = name ":" Type Default?
  Default = "=" Expression
  Results = "(" NonemptyListOf<Result, ","> ")" -- several
          | Type                                -- one
  Result = ResultName? Type
  ResultName = name ":"
  Body = Block            -- block
       | "=" Expression   -- equation

  Type = Element Dims?
  Element = "idx" "<" Sum<Operand> ">" -- index
          | typeName                             -- named
  typeName = identifierStart identifierPart*
  Dims = #openBracket NonemptyListOf<Expression, ","> "]"

  Module = (module | model) name Parameters "{" (Member ";"?)* "}"
  Member = Tensor | Sub | Function | Entry | Preset | Let | Require
  Tensor = (param | buffer) name Path? ":" Type Default? Presence?
  Path = as string
  Sub = sub name Path? ":" name Arguments Counts? Presence?
  Counts = #openBracket NonemptyListOf<Count, ","> "]"
  Count = CountStart? Expression
  CountStart = Sum<Operand> ".."
  Presence = if Expression
  Preset = preset name PresetModel? "{" (Setting ","?)* "}"
  PresetModel = of name
  Setting = name "=" Expression
  Extern = extern wgsl fn name Generics? Parameters "->" Results "{" (Field ","?)* "}"
  Field = name "=" (string | Tuple | Expression)

  Block = "{" (Statement ";"?)* "}"
  Statement = Placed | Scatter | Let | Return | For | If | Require | Accumulate | Assign
  Placed = let Placement ("," Placement)+
  Placement = Target "=" Expression
  Scatter = let Target "+=" Expression
  Let = let Targets "=" (Tuple | Expression) Where?
  Targets = "(" NonemptyListOf<Target, ","> ")" -- several
          | Target                              -- one
  Where = where NonemptyListOf<Initial, ",">
  Initial = name "[" NonemptyListOf<Expression, ","> "]" "=" Expression
  Assign = Target "=" ~"=" Expression
  Accumulate = Target "+=" Expression
  Return = return (Tuple | Expression)
  For = for name in Sum<Operand> ".." Sum<Operand> Block
  If = if Expression Block IfElse?
  IfElse = else (If | Block)
  Require = require Expression

  Target = name TargetSubscripts?
  TargetSubscripts = #openBracket NonemptyListOf<TargetSubscript, ","> "]"
  TargetSubscript = "(" GroupBinder GroupBinder+ ")" -- group
                  | ":"                              -- all
                  | Binder &("," | "]")              -- index
                  | Expression PlaceLength?          -- at
  PlaceLength = ":" Sum<Operand>
  GroupBinder = name GroupRange?
  GroupRange = ":" GroupSize
  GroupSize = number | Reference | "(" Expression ")" -- parenthesised
  Binder = name Restriction?
  Restriction = ":" Expression BinderWhere?
  BinderWhere = where Expression

  Expression = Choice<Operand>
  Choice<P> = if Expression then Choice<OperandPlain> else Choice<P> -- if
            | Disjunction<P>
  Disjunction<P> = Conjunction<P> (or Conjunction<P>)*
  Conjunction<P> = Negation<P> (and Negation<P>)*
  Negation<P> = not Negation<P> -- not
              | Comparison<P>
  Comparison<P> = Sum<P> (comparator Sum<P>)?
  Sum<P> = Product<P> (additive Product<P>)*
  Product<P> = Factor<P> (multiplicative Factor<P>)*
  Factor<P> = Reduction<P>
            | "-" Factor<P> -- negative
            | Power<P>
  Reduction<P> = reducer #openBracket NonemptyListOf<Binder, ","> "]" Product<P>
  Power<P> = P ("^" Exponent<P>)?
  Exponent<P> = "-" Exponent<P> -- negative
              | Power<P>

  Operand = Primary Suffix*
  OperandPlain = Primary PlainSuffix*
  Suffix = MemberAccess | AxisCall | Call | GuardedRead | Read
  PlainSuffix = MemberAccess | AxisCall | Call | Read
  MemberAccess = "." ~"." name
  AxisCall = #openBracket NonemptyListOf<CallAxis, ","> "]" #openParenthesis ListOf<Argument, ","> ","? ")" Directive*
  CallAxis = Binder &("," | "]") -- index
           | Expression          -- at
  Call = #openParenthesis ListOf<Argument, ","> ","? ")" Directive*
  Arguments = "(" ListOf<Argument, ","> ","? ")"
  Argument = ArgumentLabel? Expression
  ArgumentLabel = label ":"
  Directive = "@" name Arguments?
  Read = #openBracket NonemptyListOf<Subscript, ","> "]"
  GuardedRead = Read else ElseValue
  ElseValue = "-" ElseValue -- negative
            | OperandPlain
  Subscript = "(" Grouped Grouped+ ")" -- group
            | ":"                      -- all
            | Expression               -- at
  Grouped = Reference GroupRange?

  Primary = number
          | boolean
          | "(" Expression ")" -- parenthesised
          | List
          | Concat
          | callableReducer
          | Reference
  List = "[" NonemptyListOf<Expression, ","> ","? "]"
  Concat = "[" Expression (";" Expression)+ "]"
  Tuple = "(" Expression ("," Expression)+ ")"
  Reference = name

  comparator = "==" | "!=" | "<=" | ">=" | "<" | ">" | "≤" | "≥" | "≠"
  additive = ("+" | "-") ~"="
  multiplicative = "//" | "*" | "/" | "%"

  number (a number) = digit+ ("." digit+)? exponent? ~identifierStart
  exponent = ("e" | "E") ("+" | "-")? digit+
  boolean = ("true" | "false") ~identifierPart
  string (a string) = "\"\"\"" rawCharacter* "\"\"\"" -- raw
                    | "\"" character* "\""            -- plain
  rawCharacter = ~"\"\"\"" any
  character = "\\" any       -- escaped
            | ~("\"" | "\n") any -- plain

  name (a name) = ~reserved identifierStart identifierPart*
  identifierStart = letter | "_"
  identifierPart = letter | digit | "_" | "\u{2080}".."\u{2089}" | "\u{0300}".."\u{036F}"
  callableReducer (a name) = ("max" | "min") ~identifierPart &openParenthesis
  label (a name) = name
                 | reducer -- word
  reducer (a reduction) = ("sum" | "mean" | "max" | "min" | "prod" | "any" | "all" | "argmax" | "argmin" | "logsumexp") ~identifierPart
  openBracket = blank* "["
  openParenthesis = blank* "("
  blank = " " | "\t"

  reserved = ( "a" ("nd" | "ll" | "ny" | "rgmax" | "rgmin")
             | "e" ("lse" | "ntry" | "xtern")
             | "f" ("n" | "or" | "alse")
             | "l" ("et" | "ogsumexp")
             | "m" ("odule" | "odel" | "ean" | "ax" | "in")
             | "p" ("aram" | "reset" | "rod")
             | "r" ("eturn" | "equire")
             | "s" ("ub" | "um")
             | "t" ("hen" | "rue")
             | "i" "f" | "n" "ot" | "o" "r" | "u" "se" | "w" "here" | "b" "uffer" ) ~identifierPart
  use = "use" ~identifierPart
  fn = "fn" ~identifierPart
  module = "module" ~identifierPart
  model = "model" ~identifierPart
  entry = "entry" ~identifierPart
  preset = "preset" ~identifierPart
  param = "param" ~identifierPart
  buffer = "buffer" ~identifierPart
  sub = "sub" ~identifierPart
  let = "let" ~identifierPart
  return = "return" ~identifierPart
  for = "for" ~identifierPart
  if = "if" ~identifierPart
  then = "then" ~identifierPart
  else = "else" ~identifierPart
  require = "require" ~identifierPart
  extern = "extern" ~identifierPart
  where = "where" ~identifierPart
  and = "and" ~identifierPart
  or = "or" ~identifierPart
  not = "not" ~identifierPart
  in = "in" ~identifierPart
  of = "of" ~identifierPart
  as = "as" ~identifierPart
  wgsl = "wgsl" ~identifierPart
  batch = "batch" ~identifierPart
}
`;
