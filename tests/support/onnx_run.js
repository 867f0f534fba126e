// Runs MODEL.onnx on rows of a CSV and prints what comes out, a line a row.
//   node onnx_run.js NODE_MODULES MODEL.onnx INPUT OUTPUT < rows        INPUT: x or user
const path = require("path");
const modules = path.resolve(process.argv[2]);
const pick = () => {
    for (const name of ["onnxruntime-node", "onnxruntime-web"]) {
        try {
            return require(path.join(modules, name));
        } catch (e) { /* the next one */ }
    }
    process.exit(77);
};
const ort = pick();
const [model, input, output] = process.argv.slice(3);
const rows = require("fs").readFileSync(0, "utf8").trim().split("\n").map((l) => l.split(",").map(Number));

async function main() {
    if (ort.env.wasm)
        ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(require("fs").readFileSync(model));
    const x = input === "user" ? new ort.Tensor("int64", BigInt64Array.from(rows.map((r) => BigInt(r[0]))), [rows.length])
        : new ort.Tensor("float32", Float32Array.from(rows.flat()), [rows.length, rows[0].length]);
    const out = (await session.run({ [input]: x }))[output];
    const n = out.dims[1];
    for (let i = 0; i < out.dims[0]; i++)
        console.log(Array.from(out.data.slice(i * n, (i + 1) * n)).join(","));
}
main().catch((e) => { console.error(e); process.exit(1); });
