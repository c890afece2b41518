/** The long text of each diagnostic code: what it means, an example, the usual repair. */

const texts: Readonly<Record<string, string>> = {
  "call/arguments": `A call gives too few arguments, too many, or one of them twice. Arguments are taken in order or by name, \`f(x, eps: 1e-5)\`;
only parameters with a default may be left out.`,
  "call/axes": `\`f[j](expr)\` applies a function of a vector along the index j. It needs plain indices in the brackets, and a function with one
result. Functions of a number apply to every element without brackets.`,
  "call/element": `An array of modules, \`sub layer: Layer(d)[n]\`, is not a module: choose an element, \`layer[0](x)\`, or in a loop \`layer[l](x)\`.`,
  "call/forward": `Calling a module instance means calling its function \`forward\`. This module has none; call one of its functions by name.`,
  "call/initialiser": `Initialisers (\`zeros\`, \`normal\`, \`kaiming_uniform\`, …) draw the first values of a \`param\` or \`buffer\` and exist nowhere else.`,
  "call/label": `The name before the colon of an argument must be that of a parameter. Built-in functions have no parameter names.`,
  "call/module": `A module has parameters of its own and must be made before it can be called: \`sub part: Module(sizes)\`, then \`part(x)\`.`,
  "call/not-a-function": `Brackets \`(…)\` after a value would call it. A product needs its sign; an element is read with \`[…]\`.`,
  "call/recursive": `Functions are expanded where they are called, and modules where they are contained, so neither may come back to itself.`,
  "directive/callee": `\`@approx\` permits an approximation inside a function: the call of one, or of a module, is what it marks.`,
  "directive/method": `\`@approx(favor)\` replaces softmax attention inside the marked call by positive random features (Choromanski et al. 2021).`,
  "directive/setting": `Settings of \`@approx(favor)\` are \`features\`, their number, and \`seed\`, of the random draws; both are known when the model is built.`,
  "directive/twice": `A call carries one directive.`,
  "entry/several-models": "The file has several models that offer such an entry: name one with `--model`.",
  "entry/unknown": "The model, or the file, has no entry of this name. Without a name the first entry is taken.",
  "entry/unknown-input": "An input was given that the entry does not have. Inputs are called like its parameters.",
  "entry/unknown-model": "The file has no model of this name.",
  "extern/field": `A hand-written kernel states \`dispatch\`, its workgroups along one to three axes; \`source\`, its text; \`reference\`, the function that says in
the language what it computes; and \`cost\`, its floating-point operations, if it likes.`,
  "extern/mapped": `A hand-written kernel computes what its text says and nothing else: it is not mapped over leading axes or along an index. Give it
the axis as one of its own.`,
  "extern/reference": `The reference of a hand-written kernel is a function of the same sizes, parameters and result. The reference evaluator computes it, and
comparisons hold the kernel against it.`,
  "extern/source": `The text of a hand-written kernel is WGSL with the entry point \`main\`. Buffers are declared for it under the names of the parameters, the
result as \`result\` or under its own name; sizes are constants of type u32.`,
  "extern/type": `Buffers of hand-written kernels hold f32, i32, u32 or idx<…>; there is one result.`,
  "function/no-return": `Every way through a function must end in \`return\`.`,
  "function/unreachable": `Statements after a \`return\` are never reached.`,
  "import/cycle": `Files may not use each other in a circle, not even through others. Move what they share into a file of its own.`,
  "import/name": `The imported file does not declare this name. What a file imports itself it does not pass on.`,
  "import/not-found": `There is no such file. \`std/nn\` means \`std/nn.weft\` of the library; \`./part\` means \`part.weft\` beside the importing file.`,
  "import/path": `Imports are \`std/…\` for the library or \`./…\`, \`../…\` for files of your own, without the ending \`.weft\`.`,
  "index/duplicate": `An index is bound twice in one place. Each stands for one axis; a diagonal is read, \`let d[i] = A[i, i]\`, not defined.`,
  "index/group": `\`(h c)\` in a subscript reads one axis as several indices, row by row. Only indices can stand in it.`,
  "index/loop": `Inside \`for l in 0..n\` the name l is one number. As an index on the left it would stand for every place of an axis instead, in every
turn anew. To change one place, compute it, \`K[0 + l, i] += …\`; to mean all places, use another name.`,
  "index/no-range": `The range of an index follows from the places where it stands alone as a subscript, as in \`X[i]\`. An index that is used only in
arithmetic must be given its range where it is bound: \`let Y[y: H] = X[2*y]\`, \`sum[k: 3] …\`.`,
  "index/not-a-number": `A subscript is one whole number. A tensor of places is read at an index: \`E[tokens[t], c]\`.`,
  "index/not-an-integer": `Subscripts are whole numbers. \`/\` is always real division; whole-number division is \`//\`.`,
  "index/not-constant": `Which module of an array is meant must be known when the model is built: a number, or the variable of a \`for\`.`,
  "index/not-reduced": `An index on the right must be kept on the left or reduced. Weft never sums silently over an index that is missing on the left.
  let y[i] = A[i, j] * x[j]            error: what happens to j?
  let y[i] = sum[j] A[i, j] * x[j]     a sum over j
  let Y[i, j] = A[i, j] * x[j]         all of them`,
  "index/out-of-range": "A number given for an `idx<N>` must be at least 0 and below N.",
  "index/predicate": `A definition cannot be restricted: \`let Y[i: i > 0]\` would leave a hole. Choose the value, \`if i > 0 then … else 0\`.`,
  "index/range": `A subscript must be proven to stay inside its axis, or say what stands outside: \`X[i - 1] else 0\`. Provable are sums and multiples of
indices and sizes, \`%\` and \`//\`, restricted ranges (\`[j: j <= i]\` makes \`i - j\` safe), and tables of type \`idx<N>\` for an axis of N.`,
  "index/too-many": `There are more subscripts than axes. Fewer are allowed: the axes left over remain whole.`,
  "limit/call-depth": "Functions are expanded where they are called; this many levels inside each other are not meant.",
  "limit/nesting": `The text is nested more deeply than Weft reads. Generated programs should name their parts with \`let\`.`,
  "limit/number": `Whole numbers go up to 2^53, real numbers up to about 1.8e308.`,
  "limit/recurrence-distance": `Each step of a recurrence keeps what the later ones read; so many steps are not meant. Carry a vector instead.`,
  "limit/recurrence-steps": `The steps of a recurrence run one after the other. What is independent from step to step needs no recurrence.`,
  "limit/size": `A source file may have 4 MiB of text.`,
  "limit/size-terms": `Sizes are kept as polynomials in normal form; this one has too many terms or too high a power to be compared.`,
  "module/absent":
    "A `param` or `sub` declared with `if` exists only in the instances where the condition holds: use it inside `if … { }` with that condition.",
  "module/batch-mapped": `A function with a size \`<batch B>\` takes statistics over the examples along that axis. While training it must be given the whole
batch: mapped over examples, or over parts of a batch, it would take the statistics of each part by itself.`,
  "module/buffer-write": `A buffer of the module is given a new value inside \`if training { }\`: \`running_mean[c] = 0.9 * running_mean[c] + 0.1 * m[c]\`.
A training writes it back after each step, so there is one value a step: not one for each example or for each step of a recurrence.`,
  "module/constant": `A \`let\` directly in a module names something known when the model is built: \`let dh = d // heads\`.`,
  "module/duplicate-path":
    "Two tensors of the model would have the same name in a checkpoint. Give one another path with `as`.",
  "module/entry": `Entries are what a model offers to run. A module offers functions, \`fn\`.`,
  "module/initialiser": "An initialiser draws a whole `param` or `buffer`; it cannot be a part of a larger expression.",
  "module/no-initial": `Every \`param\` and \`buffer\` says how it starts, so that a model without weights is defined: \`= normal(std: 0.02)\`.`,
  "module/no-value": "A parameter of the model has no default, and neither a preset nor `--set` gives it a value.",
  "module/not-constant": "This must be known when the model is built.",
  "module/path": `Paths of parameters join names with single dots, and each names one tensor: \`param weight as "0.weight": …\`.
Sizes that the module is given may stand in braces: \`sub conv as "conv_{layer}": …\`.`,
  "module/presence":
    "`param … if condition` and `sub … if condition` are decided when the model is built, from the parameters of the module.",
  "module/preset": `Presets name configurations of a model; modules are configured where they are made, with \`sub\`.`,
  "module/unknown-setting": "`--set` names a parameter of the model or a generic size of the entry.",
  "name/assign": `\`x = …\` gives a new value to a name that this function introduced with \`let\` or as a parameter.`,
  "name/directive": `Directives start with \`@\` and follow a call.`,
  "name/duplicate": `A name means one thing in one function, module or file. To give a variable a new value, leave out \`let\`.`,
  "name/member": `An instance has the tensors, sub modules and functions of its module, reached by a dot. Values have no parts.`,
  "name/unknown": `Nothing of this name is in scope. Names come from the function, its module, the file, its imports and the prelude.`,
  "place/assign": `Computed places stand on the left of \`+=\`, or of a \`let\` of one tensor in parts: \`let P[2*c] = …, P[2*c + 1] = …\`.`,
  "place/axes": `Every part of a tensor, and every update of one, names all of its axes.`,
  "place/form": `That each place is filled once is proven for places that are a multiple of one index plus a size. What falls on places given by a table,
or several times on one, is added up by \`+=\`.`,
  "place/gap": `The parts of a tensor fill every place once. Along an axis they interleave, as \`2*c\` and \`2*c + 1\`, or lie one after another, as \`c\` and
\`c + n\`, or \`0\` and \`c + 1\`; over several axes all combinations are given.`,
  "place/length": `A new tensor is as long as its places say: a table of type \`idx<N>\` says N, other places state it, \`let Y[2*i + k: 2*n + 1] += …\`.`,
  "place/none": `\`+=\` in a \`let\` adds up what falls on computed places. Without any, each place gets one value, and \`=\` says so.`,
  "place/other-name": `The parts after a comma belong to the tensor that the \`let\` defines.`,
  "place/twice": `Two parts fill the same places.`,
  "preset/model": `A preset belongs to the model it stands in, to the nearest model above, or to the one named: \`preset tiny of Name { … }\`.`,
  "preset/parameter": `A preset sets parameters of its model.`,
  "preset/unknown": "The model has no preset of this name.",
  "recurrence/distance": `A recurrence reads a fixed number of steps back, \`h[t-1]\`, \`h[t-2]\`: only these are kept. To read at a place that is computed,
carry a vector, \`let a[t, i] = … a[t-1, place] …\`: a step may read anywhere in the one before it.`,
  "recurrence/no-progress": `A value is defined by itself. A recurrence reads what earlier steps gave: \`let s[t] = s[t-1] + x[t]  where s[-1] = 0\`.
Where one value of a step needs another of the same step, let a function compute both.`,
  "recurrence/no-start": `The first steps read values from before the first step. Give each of them, \`where f[-1] = 1, f[-2] = 0\` (or backwards
\`where f[T] = 1\`), or say at the read what stands outside, \`(f[t-2] else 0)\`.`,
  "recurrence/order": `The steps of a recurrence run one way: from 0 up when it starts with \`where h[-1] = …\` and reads \`h[t-1]\`, from the last
place down when it starts with \`where h[T] = …\` and reads \`h[t+1]\`. A value from the other side is not computed yet.`,
  "recurrence/shape": `Every step gives a value of the same shape, and the first value has that shape too, or is one number that fills it.`,
  "recurrence/type": `Every step gives a value of the same element type, and the first value has that type too. Literals take the type they meet.`,
  "recurrence/unused": `\`where\` gives a value that no step reads: the definition reads fewer steps back, or not at all.`,
  "recurrence/where": `\`where\` gives the values before the first step, \`h[-1]\`, or behind the last, \`h[T]\`, of names that the definition defines. Other
indices stand as they are, \`where s[-1, d] = s0[d]\`, or are left out, \`where s[-1] = s0\`. All names walk the same steps.`,
  "recurrence/whole": `While a recurrence runs only its earlier steps are known. What needs all of them is a statement of its own, after it.`,
  "shape/left-over": `The right side still has whole axes that the left side does not mention. Index them on both sides or keep them with \`:\`.`,
  "shape/mapped": `A function applied to tensors with more axes than it declares is mapped over the leading ones. These must be the same in all arguments, or
absent.`,
  "shape/rank": `Two values with different numbers of axes meet, or one has fewer than are needed. There is no broadcasting in Weft except of single
numbers: write the equation with indices, \`let Y[i, j] = A[i, j] + b[j]\`.`,
  "size/division-by-zero": "With the sizes given, a divisor is 0.",
  "size/empty": "With the sizes given, an axis has no elements. Every axis has at least one.",
  "size/mismatch": `Two sizes that must be the same are not provably so. Sizes are compared as polynomials, so \`N+1\`, \`1+N\` and \`(2*N+2)//2\` agree, but nothing
is assumed about different names. If they are always equal, use one name, or state it with \`require\`, which is verified when the sizes
become numbers.`,
  "size/negative": `Sizes are natural numbers.`,
  "size/not-a-size": `Sizes are whole numbers known when the model is built: numbers, generic and module parameters, loop variables, \`let\`s of these, and
+ - * // % ^ of them.`,
  "size/not-divisible": `\`(h c)\` splits an axis into whole parts, so one range must divide the axis: \`require d % heads == 0\`.`,
  "size/not-given": `A generic size that no input fixes must be set when the entry is run.`,
  "size/require-fails": `This \`require\` is false for all sizes.`,
  "size/too-large": "With the sizes given, a tensor would be larger than any device takes.",
  "size/too-many-modules": "With the sizes given, the model has more modules than can be meant.",
  "size/too-many-operations": "With the sizes given, a loop would be unrolled into more operations than can be meant.",
  "size/unsolved": `The generic sizes of a function are solved from the axes of its arguments. A size that occurs only in products or quotients with others,
or only in the result, cannot be: make it a parameter of type \`size\`.`,
  "size/zero-division": `Division by zero.`,
  "syntax/call": `Only names are called: \`f(x)\`, \`part.f(x)\`, \`layer[l](x)\`.`,
  "syntax/incomplete": `The text ends, or goes on with something else, where a piece is missing.`,
  "syntax/reserved": `Words of the language, and the reductions (\`sum\`, \`max\`, …), cannot be names.`,
  "syntax/unexpected": `The text cannot be read here. A comment after code needs two blanks before its \`//\`, because with one it divides.`,
  "todo/elaboration": "This construct is part of the language but not compiled by this version.",
  "todo/restricted-lookup":
    "Reading a vector with a restricted range at computed places is not compiled by this version.",
  "todo/restricted-order":
    "A vector with a restricted range is not ordered by this version: give what is excluded a value that comes last.",
  "type/accumulate": `Numbers are added up: conditions are counted, \`if c then 1 else 0\`, and an \`idx\` that something is added to may leave its range.`,
  "type/argument": `The element type of an argument does not fit. Literals, sizes and indices take the type they meet; nothing else converts silently.`,
  "type/assign": `A new value must have the type of the old one.`,
  "type/bool": `Conditions and numbers are different things. A condition becomes a number by \`if c then 1 else 0\` or \`f32(c)\`.`,
  "type/constant": `This must be known when the model is built: a literal, a size, a parameter of the module, or arithmetic on these.`,
  "type/else": `The value after \`else\` stands for elements outside of the tensor and must have their type.`,
  "type/initial": `The initial value must be one number or have the declared shape.`,
  "type/integer": `\`//\` and \`%\` are for whole numbers.`,
  "type/mismatch": `Different element types meet. Nothing converts silently but literals, sizes and indices: write \`f32(x)\`.`,
  "type/module-parameter": `Modules are configured by \`size\`, \`f32\` and \`bool\` parameters. Tensors are arguments of their functions.`,
  "type/not-a-value": `A function or a module stands where a value is needed.`,
  "type/predicate": `What restricts a range is a condition on single elements: \`[j: j <= i]\`, \`[j: mask[i, j]]\`.`,
  "type/reduction": `\`any\` and \`all\` ask conditions; the other reductions take numbers, \`mean\` and \`logsumexp\` real ones.`,
  "type/require": `\`require\` states a condition on sizes and module parameters.`,
  "type/return": `The returned value does not have the declared type, or there are more or fewer of them.`,
  "type/size": `\`size\` is a type of parameters: whole numbers known when the model is built.`,
  "type/tuple": `Several values are taken apart by \`let (a, b) = …\` before they are used.`,
  "type/unknown": `The element types are f32, f16, bf16, i32, u32, bool and idx<N>.`,
  "type/unsigned": `Unsigned numbers have no negatives.`,
};

/** The long text of a code, or undefined when there is no such code. */
export function explain(code: string): string | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined;
}

/** All codes, in alphabetical order. */
export function explainedCodes(): string[] {
  return Object.keys(texts).sort();
}
