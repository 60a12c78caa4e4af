# Calls of the openai package against a simulated engine, or the router of a simulated platform:
#   npx effect-inference-endpoints simulate --engine vllm --model org/m --port 8080
#   pip install openai && python openai_calls.py http://127.0.0.1:8080 vllm org/m
import sys, os, traceback
from openai import OpenAI, AsyncOpenAI
import openai
BASE,ENGINE,MODEL=sys.argv[1],sys.argv[2],sys.argv[3]
c=OpenAI(base_url=BASE+"/v1",api_key="hf_any",max_retries=0)
ok=bad=0
def t(name,f,check=None):
    global ok,bad
    try:
        r=f()
        if check is not None and not check(r): raise AssertionError("check failed: "+repr(r)[:200])
        ok+=1
    except Exception as e:
        bad+=1; print("BAD",ENGINE,name,"::",type(e).__name__,str(e).split("\n")[0][:260])
        if os.environ.get("VERBOSE"): traceback.print_exc()
def raises(exc,f):
    def g():
        try: f()
        except Exception as e:
            if type(e).__name__==exc: return True
            raise
        raise AssertionError("did not raise "+exc)
    return g
m=[{"role":"user","content":"hello"}]
S={"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}
T=[{"type":"function","function":{"name":"f","description":"d","parameters":S}}]
ch=lambda **k: c.chat.completions.create(**{**dict(model=MODEL,messages=m,max_tokens=20),**k})
cp=lambda **k: c.completions.create(**{**dict(model=MODEL,prompt="hello",max_tokens=8),**k})
import json
t("models",lambda:c.models.list(),lambda r:len(r.data)==1)
if ENGINE in("sglang","router"): t("model get",lambda:c.models.retrieve(MODEL))
t("chat",lambda:ch(),lambda r:r.choices[0].message.content and r.choices[0].finish_reason and r.usage.total_tokens)
t("chat stream",lambda:list(ch(stream=True)),lambda r:any(x.choices and x.choices[0].finish_reason for x in r))
t("chat stream usage",lambda:list(ch(stream=True,stream_options={"include_usage":True})),lambda r:any(x.usage for x in r))
t("chat system",lambda:ch(messages=[{"role":"system","content":"s"}]+m))
t("chat parts",lambda:ch(messages=[{"role":"user","content":[{"type":"text","text":"hi"}]}]))
t("chat temperature",lambda:ch(temperature=0.5,top_p=0.9,seed=1,frequency_penalty=0.1,presence_penalty=0.1 if ENGINE!="tgi" else openai.NOT_GIVEN,stop=["zz"]))
if ENGINE!="tgi": t("chat n",lambda:ch(n=2,temperature=0.7),lambda r:len(r.choices)==2)
t("chat logprobs",lambda:ch(logprobs=True,top_logprobs=2),lambda r:len(r.choices[0].logprobs.content[0].top_logprobs)==2)
t("chat logprobs stream",lambda:list(ch(logprobs=True,top_logprobs=2,stream=True)),lambda r:any(x.choices and x.choices[0].logprobs for x in r))
t("chat tools required",lambda:ch(tools=T,tool_choice="required",max_tokens=200),lambda r:json.loads(r.choices[0].message.tool_calls[0].function.arguments) is not None)
t("chat tools named",lambda:ch(tools=T,tool_choice={"type":"function","function":{"name":"f"}},max_tokens=200),lambda r:r.choices[0].message.tool_calls or ENGINE=="llamacpp")
t("chat tools auto",lambda:ch(tools=T,max_tokens=200))
t("chat tools stream",lambda:list(ch(tools=T,tool_choice="required",max_tokens=200,stream=True)),lambda r:any(x.choices and x.choices[0].delta.tool_calls for x in r))
t("chat tool result",lambda:ch(messages=m+[{"role":"assistant","content":None,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":'{"a":1}'}}]},{"role":"tool","tool_call_id":"1","content":"2"}]))
if ENGINE!="tgi":
    t("chat json_schema",lambda:ch(max_tokens=200,response_format={"type":"json_schema","json_schema":{"name":"x","schema":S}}),lambda r:"a" in json.loads(r.choices[0].message.content))
    t("chat json_object",lambda:ch(max_tokens=200,response_format={"type":"json_object"}))
    from pydantic import BaseModel
    class A(BaseModel):
        a:int
    t("chat parse",lambda:c.chat.completions.parse(model=MODEL,messages=m,response_format=A,max_tokens=200),lambda r:r.choices[0].message.parsed is not None)
    t("chat parse stream",lambda:[e for e in c.chat.completions.stream(model=MODEL,messages=m,response_format=A,max_tokens=200).__enter__()][-1])
t("chat stream helper",lambda:c.chat.completions.stream(model=MODEL,messages=m).__enter__().get_final_completion(),lambda r:r.choices[0].message.content is not None)
t("chat raw",lambda:c.chat.completions.with_raw_response.create(model=MODEL,messages=m,max_tokens=4).headers)
t("chat user",lambda:ch(user="u"))
if ENGINE!="tgi": t("chat logit_bias",lambda:ch(logit_bias={"5":1}))
t("chat max_completion",lambda:c.chat.completions.create(model=MODEL,messages=m,max_completion_tokens=5),lambda r:ENGINE=="tgi" or r.usage.completion_tokens<=5)
t("chat bad temp",raises("UnprocessableEntityError" if ENGINE=="tgi" else "BadRequestError",lambda:ch(temperature=-1)) if ENGINE!="llamacpp" else lambda:ch(temperature=-1))
if ENGINE in("vllm","sglang"): 
    t("chat max_tokens 0/neg",raises("BadRequestError",lambda:ch(max_tokens=-5)))
    t("messages empty",raises("BadRequestError",lambda:ch(messages=[])) if ENGINE=="sglang" else lambda:None)
if ENGINE=="vllm": t("chat unknown model",raises("NotFoundError",lambda:ch(model="nope")))
if ENGINE=="router":
    t("completion none",raises("NotFoundError",lambda:cp()))
    cp=lambda **k:(_ for _ in ()).throw(SystemExit)
def tc(*a):
    if ENGINE!="router": t(*a)
tc("completion",lambda:cp(),lambda r:r.choices[0].text and r.choices[0].finish_reason)
tc("completion stream",lambda:list(cp(stream=True)),lambda r:len(r)>1)
if ENGINE!="tgi":
    tc("completion logprobs",lambda:cp(logprobs=2),lambda r:r.choices[0].logprobs is not None)
    tc("completion n",lambda:cp(n=2,temperature=0.7),lambda r:len(r.choices)==2)
tc("completion prompts",lambda:cp(prompt=["a","b"]),lambda r:len(r.choices)==2)
tc("completion stop",lambda:cp(stop=["q"]))
if ENGINE not in("tgi","llamacpp"): tc("completion echo",lambda:cp(echo=True),lambda r:r.choices[0].text.startswith("hello"))
if ENGINE not in("tgi",): tc("completion ids",lambda:cp(prompt=[1,2,3]))
if ENGINE in("vllm","sglang","llamacpp","router"):
    t("responses",lambda:c.responses.create(model=MODEL,input="hi",max_output_tokens=20),lambda r:r.output_text)
    t("responses stream",lambda:[e.type for e in c.responses.create(model=MODEL,input="hi",max_output_tokens=20,stream=True)],lambda r:r[-1]=="response.completed" or r[-1]=="response.incomplete")
    t("responses msgs",lambda:c.responses.create(model=MODEL,input=[{"role":"user","content":"hi"}],instructions="be",max_output_tokens=20),lambda r:r.output_text)
    t("responses parts",lambda:c.responses.create(model=MODEL,input=[{"role":"user","content":[{"type":"input_text","text":"hi"}]}],max_output_tokens=20),lambda r:r.output_text)
    t("responses parse",lambda:c.responses.parse(model=MODEL,input="hi",text_format=A,max_output_tokens=200),lambda r:r.output_parsed)
    t("responses tool result",lambda:c.responses.create(model=MODEL,input=[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"2"}],max_output_tokens=20),lambda r:r.output_text)
    t("responses tools stream",lambda:[e.type for e in c.responses.create(model=MODEL,input="hi",tools=[{"type":"function","name":"f","parameters":S,"strict":True}],tool_choice="required",max_output_tokens=200,stream=True)],lambda r:"response.function_call_arguments.done" in r)
    t("responses json_schema",lambda:c.responses.create(model=MODEL,input="hi",text={"format":{"type":"json_schema","name":"x","schema":S}},max_output_tokens=200),lambda r:"a" in json.loads(r.output_text))
    t("responses no input",raises("BadRequestError",lambda:c.post("/responses",body={"model":MODEL},cast_to=object)))
    t("responses tools",lambda:c.responses.create(model=MODEL,input="hi",tools=[{"type":"function","name":"f","parameters":S,"strict":True}],tool_choice="required",max_output_tokens=200),lambda r:any(o.type=="function_call" for o in r.output))
    t("responses bad",raises("BadRequestError",lambda:c.responses.create(model=MODEL,input="hi",temperature=-1)) if ENGINE!="llamacpp" else lambda:None)
    t("input tokens",lambda:c.post("/chat/completions/input_tokens",body={"model":MODEL,"messages":m},cast_to=object) if ENGINE=="llamacpp" else None)
import asyncio
async def aa():
    a=AsyncOpenAI(base_url=BASE+"/v1",api_key="hf_any",max_retries=0)
    rs=await asyncio.gather(*[a.chat.completions.create(model=MODEL,messages=m,max_tokens=4) for _ in range(8)])
    async for x in await a.chat.completions.create(model=MODEL,messages=m,max_tokens=4,stream=True): pass
    return rs
t("async",lambda:asyncio.run(aa()),lambda r:len(r)==8)
t("404",raises("NotFoundError",lambda:c.post("/nope",body={},cast_to=object)))
print(ENGINE,ok,"right",bad,"wrong")
